import { randomUUID } from "node:crypto";
import { type DaemonAddress, httpMesh } from "../../client/index.ts";
import { within } from "../../platform/within.ts";
import { type AskOutcome, asRepowireError, type OperationOutput } from "../../protocol/index.ts";

/** A question that was really asked and answered through the installed program, or what went wrong on the way. */
export type SelfTest =
  | { ok: true; elapsed_ms: number; trace: OperationOutput<"trace"> }
  | { ok: false; failure: string; next: string };

const JOIN_MS = 15_000;
const ANSWER_SECONDS = 15;
const END_MS = 3_000;

/**
 * Starts a peer with the installed program, asks it over HTTP, and holds the answer against the question. The peer's process is
 * ended and its seat gone afterwards, however it went.
 */
export async function runSelfTest(launcher: string, address: DaemonAddress): Promise<SelfTest> {
  const mesh = httpMesh(address);
  const question = `repowire self-test ${randomUUID()}`;
  let child: ReturnType<typeof startPeer> | undefined;
  try {
    const { peer: me } = await mesh.whoami({});
    child = startPeer(launcher, me.circle);
    const joined = await firstLine(child);
    if (joined === undefined) return failed("the test peer did not join", (await errorsOf(child)) || "it said nothing");
    const startedAt = performance.now();
    const outcome = await mesh.ask({ peer: joined.peer, question, wait_seconds: ANSWER_SECONDS });
    const elapsed = Math.round(performance.now() - startedAt);
    if (outcome.state !== "answered") return failed("the question was not answered", stateOf(outcome));
    if (outcome.text !== question) return failed("the answer is not what was sent", `"${outcome.text.slice(0, 80)}"`);
    return { ok: true, elapsed_ms: elapsed, trace: await mesh.trace({ id: outcome.message }) };
  } catch (error) {
    return failed("the question could not be asked", asRepowireError(error).message);
  } finally {
    if (child) await end(child);
  }
}

function failed(what: string, why: string): SelfTest {
  return {
    ok: false,
    failure: `${what}: ${why}`,
    next: "`repowire daemon logs` says more; `repowire setup` tests again",
  };
}

function stateOf(outcome: Exclude<AskOutcome, { state: "answered" }>): string {
  return outcome.state === "pending" ? `it is ${outcome.recipient.delivery} after ${ANSWER_SECONDS} s` : outcome.state;
}

function startPeer(launcher: string, circle: string) {
  const name = `selftest-${randomUUID().slice(0, 8)}`;
  return Bun.spawn([launcher, "selftest-peer", name, "--circle", circle], {
    cwd: "/",
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
  });
}

/** What the peer prints when it has joined; undefined when it ended before, or took too long. */
async function firstLine(child: ReturnType<typeof startPeer>): Promise<{ peer: string } | undefined> {
  const line = await within(JOIN_MS, readLine(child.stdout));
  return line === undefined ? undefined : (JSON.parse(line) as { peer: string }); // printed by selftest-peer
}

async function readLine(stream: ReadableStream<Uint8Array>): Promise<string | undefined> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stream) {
    text += decoder.decode(chunk, { stream: true });
    if (text.includes("\n")) return text.slice(0, text.indexOf("\n"));
  }
  return undefined;
}

async function errorsOf(child: ReturnType<typeof startPeer>): Promise<string> {
  await end(child);
  return (await new Response(child.stderr).text()).trim().split("\n").at(-1) ?? "";
}

async function end(child: ReturnType<typeof startPeer>): Promise<void> {
  child.stdin.end();
  const code = await within(END_MS, child.exited);
  if (code === undefined) child.kill("SIGKILL");
  await child.exited;
}
