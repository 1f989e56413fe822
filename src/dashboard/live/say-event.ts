import type { DeliveryState, MeshEvent, MessageKind } from "../../protocol/index.ts";
import { ASK, DELIVERY, KIND } from "./say.ts";

/** One event of the log as a line. `nameOf` says who that was at that instant. */
export function sayEvent({ type, peer, data }: MeshEvent, nameOf: (id: string | undefined) => string): string {
  const [subject = "", what = ""] = type.split(".");
  const who = nameOf(peer);
  const text = (name: string) => (typeof data[name] === "string" ? data[name] : "");
  const why = text("reason") || text("detail");
  const because = why ? ` (${why})` : "";
  switch (subject) {
    case "message":
      return `${text("from") || who} ${KIND[text("kind") as MessageKind] ?? "writes"}: accepted`;
    case "delivery": {
      const state = DELIVERY[what as DeliveryState]?.word ?? (what === "entered" ? "taken in" : what);
      return `for ${who}: ${state}${because}`;
    }
    case "ask": {
      const state = ASK[what as keyof typeof ASK]?.word ?? what;
      return `question to ${who}: ${state}${because}`;
    }
    case "peer":
      return `${who} ${sayPeer(what, text)}`;
    case "approval":
      return `${who}: permission for ${text("tool") || "a tool"} ${what}`;
    default:
      return [type.replace(".", " "), who, because.trim()].filter(Boolean).join(" ");
  }
}

function sayPeer(what: string, text: (name: string) => string): string {
  switch (what) {
    case "presence":
      return `is ${text("state")}${text("detail") ? `: ${text("detail")}` : ""}`;
    case "renamed":
      return `is the new name of ${text("was")}`;
    case "moved":
      return `goes to circle ${text("circle")}`;
    case "role":
      return `is ${text("role")} now`;
    case "rung":
      return `reached by ${text("rung")}: ${text("state")}`;
    case "described":
      return `does: ${text("description")}`;
    case "inbound":
      return `messages: ${text("policy")}`;
    case "launch":
      return `start: ${text("phase")}`;
    case "conversation":
      return "begins another conversation";
    default:
      return what;
  }
}
