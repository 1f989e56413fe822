import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type ScriptedSession, startScriptedSession, type Turn } from "./scripted-session.ts";

/**
 * One scripted agent of the demo, in a process of its own, since a session is a process. Told what to do by its parent over IPC; what
 * its "model" does is fixed: it answers questions from the file that its repository holds.
 */
export interface AgentSetup {
  channel: string[];
  hook: string[];
  projectDir: string;
  configDir: string;
  env: Record<string, string>;
  /** The file that this agent looks into when it is asked. */
  file?: string;
}

export type AgentCommand =
  | { type: "ask"; peer: string; question: string }
  | { type: "work"; task: string; command: string; why: string }
  | { type: "close" };
export type AgentEvent = { type: "ready" } | { type: "asked"; text: string } | { type: "result"; text: string };

const setup = JSON.parse(process.env.REPOWIRE_DEMO_AGENT ?? "{}") as AgentSetup; // written by the demo itself

const tell = (event: AgentEvent) => process.send?.(event);
let question: { peer: string; question: string } | undefined;
let work: { task: string; command: string; why: string } | undefined;

/** Stands in for the model: asks when its user wants to know something, answers from its checkout when it is asked. */
async function model(session: ScriptedSession, turn: Turn): Promise<void> {
  if (question) {
    const asked = question;
    question = undefined;
    const text = await session.callTool("ask_peer", asked);
    tell({ type: "result", text });
    session.say("Thanks, now I know.");
    return;
  }
  if (work) {
    const { command, why } = work;
    work = undefined;
    const verdict = await session.askPermission("Bash", { command, description: why });
    if (verdict === "allow") session.useTool("Bash", { command });
    session.say(verdict === "allow" ? "Done." : "Not done: I was not allowed to.");
    return;
  }
  for (const input of turn.inputs) {
    const id = input.match(/^<channel source="repowire" kind="ask" id="([a-z0-9]{5})"/)?.[1];
    if (!id) continue;
    tell({ type: "asked", text: input.split("\n")[1] ?? "" });
    await session.callTool("reply", { id, text: lookUp(session) });
    session.say("Answered.");
  }
}

function lookUp(session: ScriptedSession): string {
  if (!setup.file) return "I have no file to look into.";
  session.useTool("Read", { file_path: join(setup.projectDir, setup.file) });
  const lines = readFileSync(join(setup.projectDir, setup.file), "utf8").split("\n");
  const at = lines.findIndex((line) => line.includes("GET /users"));
  return `${lines
    .slice(at + 1, at + 4)
    .join("\n")
    .trim()}\n(${setup.file}:${at + 2})`;
}

const session = await startScriptedSession({ ...setup, model });
process.on("message", (command: AgentCommand) => {
  if (command.type === "close") void session.close().then(() => process.exit(0));
  else if (command.type === "work") {
    work = command;
    void session.prompt(command.task);
  } else {
    question = { peer: command.peer, question: command.question };
    void session.prompt(`Find out from ${command.peer}: ${command.question}`);
  }
});
// The demo is gone without a word: so is this agent.
process.on("disconnect", () => process.exit(0));
tell({ type: "ready" });
