import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { z } from "zod";
import type { Engine } from "../../core/index.ts";
import { geminiConfigDir, isGeminiPeer } from "../../platform/gemini-command.ts";
import { commandLines, processCwd, processEnv, processInfo } from "../../platform/process.ts";
import type { Places, UnreachableSession } from "../../protocol/index.ts";
import type { Discovery } from "../adapter.ts";
import { hasGate } from "./gate.ts";

/**
 * Gemini CLI sessions that run and never reported: the CLI runs no hook and starts no server in a folder that its user has not trusted,
 * and reads its settings only at its start (0.61.0). Nothing here changes any of that; trusting is the user's decision.
 */
export function discoverGemini(engine: Engine, places: Places): Discovery {
  const known = new Set(engine.read((ctx) => ctx.tx.peers.all().flatMap((peer) => peer.instance?.pid ?? [])));
  const unreachable = sessionPids()
    .filter((pid) => !known.has(pid) && processInfo(pid)?.uid === process.getuid?.())
    .filter((pid) => isGeminiPeer({ REPOWIRE_PEER: processEnv(pid, "REPOWIRE_PEER") }, pid))
    .map((pid) => whyNot(pid, places));
  return { found: [], unreachable };
}

/** The CLI is a launcher and its child, both with the same words; the child is the session. */
function sessionPids(): number[] {
  const all = commandLines().filter(({ args }) => isGeminiCommand(args));
  const parents = new Set(all.map(({ pid }) => processInfo(pid)?.ppid));
  return all.map(({ pid }) => pid).filter((pid) => !parents.has(pid));
}

/** `node [options] /path/bin/gemini …`, as npm installs it. */
export function isGeminiCommand(args: readonly string[]): boolean {
  const [program, ...rest] = args;
  if (!program || !/(?:^|\/)(?:node|bun)$/.test(program)) return false;
  const script = rest.find((arg) => !arg.startsWith("-"));
  return script !== undefined && /\/(?:gemini|gemini-cli\/(?:bundle|dist)\/[\w./-]+\.js)$/.test(script);
}

function whyNot(pid: number, places: Places): UnreachableSession {
  const path = processCwd(pid);
  const home = processEnv(pid, "GEMINI_CLI_HOME") ?? places.GEMINI_CLI_HOME;
  const configDir = geminiConfigDir({ HOME: processEnv(pid, "HOME") ?? places.HOME, GEMINI_CLI_HOME: home }, homedir());
  const base = { runtime: "gemini" as const, pid, path };
  if (!hasGate(configDir))
    return {
      ...base,
      why: "its CLI knows nothing of repowire",
      next: "run `repowire setup`, then start the session again",
    };
  if (path && !isTrusted(configDir, path))
    return {
      ...base,
      why: "its folder is not trusted, so its CLI runs no hooks and no tools there",
      next: "if you trust that folder, say so in the session (/permissions trust, or its question at the start) and start it again",
    };
  return { ...base, why: "it started before repowire was set up", next: "start the session again" };
}

const TrustedFolders = z.record(z.string(), z.string());

/** Whether the user's list has the folder, or one above it. What cannot be read counts as not trusted, which only changes an advice. */
export function isTrusted(configDir: string, folder: string): boolean {
  let rules: z.infer<typeof TrustedFolders>;
  try {
    rules = TrustedFolders.parse(JSON.parse(readFileSync(join(configDir, "trustedFolders.json"), "utf8")));
  } catch {
    // None is trusted yet.
    return false;
  }
  if (rules[folder] === "DO_NOT_TRUST") return false;
  return Object.entries(rules).some(([path, rule]) => {
    const root = rule === "TRUST_FOLDER" ? path : rule === "TRUST_PARENT" ? dirname(path) : undefined;
    return root !== undefined && (folder === root || folder.startsWith(`${root.replace(/\/$/, "")}/`));
  });
}
