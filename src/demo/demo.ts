import { mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Subprocess } from "bun";
import { findDaemon, httpMesh } from "../client/index.ts";
import { buildBundles } from "../platform/bundle.ts";
import { ENTRIES, type Entry, isolatedBun } from "../platform/program.ts";
import { type Mesh, type OperationOutput, RepowireError } from "../protocol/index.ts";
import { duration } from "../words/index.ts";
import type { AgentCommand, AgentEvent, AgentSetup } from "./agent.ts";
import { type DemoRepository, makeRepositories } from "./repositories.ts";

export interface DemoOptions {
  isJson: boolean;
  print(text: string): void;
}

const QUESTION = "What does GET /users return?";
const READY_TIMEOUT_MS = 20_000;

/** Runs the demo and returns the exit code. Everything it makes is in one temporary folder, and gone at its end. */
export async function runDemo(options: DemoOptions): Promise<number> {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "repowire-demo-")));
  const home = join(root, "home");
  const say = options.isJson ? () => {} : options.print;
  const children: Subprocess[] = [];
  try {
    say("repowire demo: a real daemon in a temporary home, two scripted agents behind the real channel servers.\n");
    const bundles = join(root, "program");
    await buildBundles(bundles);
    const command = (entry: Entry) => [
      ...isolatedBun(process.execPath, join(bundles, "bunfig.toml")),
      join(bundles, ENTRIES[entry].bundle),
    ];
    const env = {
      PATH: process.env.PATH ?? "",
      HOME: root,
      USER: process.env.USER || process.env.LOGNAME || "you",
      REPOWIRE_HOME: home,
      REPOWIRE_PORT: process.env.REPOWIRE_DEMO_PORT ?? "0",
    };
    mkdirSync(home, { mode: 0o700 });
    children.push(
      Bun.spawn([...command("cli"), "daemon", "run", "--detached"], {
        cwd: home,
        env,
        stdin: "ignore",
        stdout: "inherit",
        stderr: "inherit",
      }),
    );
    const address = await until(() => findDaemon(home), "the daemon did not start");
    say(`1  daemon    http://127.0.0.1:${address.port}  (home ${home})`);

    const repositories = makeRepositories(root);
    const start = (name: DemoRepository, file?: string) => {
      const setup: AgentSetup = {
        channel: command("channel-claude-code"),
        hook: command("hook"),
        projectDir: repositories[name],
        configDir: join(root, "claude"),
        env,
        file,
      };
      const agent = startAgent(setup, root);
      children.push(agent.process);
      return agent;
    };
    const frontend = start("frontend");
    const backend = start("backend", "src/users.ts");
    await Promise.all([frontend.next("ready"), backend.next("ready")]);
    const mesh = httpMesh(address);
    await until(
      async () =>
        (await mesh.peers({})).peers.filter((peer) => peer.delivery?.rung === "channel").length === 2 || undefined,
      "the agents did not join",
    );
    say(`2  sessions  frontend (${repositories.frontend})\n             backend  (${repositories.backend})`);

    say(`3  frontend  ask_peer("backend", "${QUESTION}")`);
    const startedAt = performance.now();
    frontend.send({ type: "ask", peer: "backend", question: QUESTION });
    const asked = await backend.next("asked");
    say(`4  backend   reads its checkout. Its model saw: ${asked.text}`);
    const result = await frontend.next("result");
    const roundTripMs = Math.round(performance.now() - startedAt);
    say(`5  frontend  ${result.text.split("\n").join("\n             ")}\n`);

    const trace = await until(() => settledTrace(mesh), "the answer was not recorded");
    const report = summary(trace, roundTripMs);
    if (options.isJson) {
      options.print(JSON.stringify(report));
      return report.ok ? 0 : 1;
    }
    say("What is proven about that question, step by step:");
    for (const step of trace.steps)
      say(
        `   ${String(step.at).padStart(6)} ms  ${step.state}${step.peer ? `  ${step.peer}` : ""}${step.detail ? `  (${step.detail})` : ""}`,
      );
    say(`\nround trip ${duration(roundTripMs)}. The mesh stays up until Ctrl-C. In a second terminal:\n`);
    say(`   REPOWIRE_HOME=${home} npx repowire peer ask backend "${QUESTION}"\n`);
    say(
      `The same as a page, on which infra waits for you to decide something:\n\n   ${await dashboardLink(mesh, home)}\n`,
    );
    const infra = start("infra");
    await infra.next("ready");
    infra.send({ type: "work", ...WORK });
    void goOn(frontend);
    await new Promise<void>((resolve) => {
      // `on`, not `once`: a second Ctrl-C must not keep the demo from cleaning up.
      for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => resolve());
    });
    return 0;
  } catch (error) {
    process.stderr.write(`repowire demo: ${error instanceof Error ? error.message : String(error)}\n`);
    if (options.isJson)
      options.print(JSON.stringify({ ok: false, error: error instanceof Error ? error.message : String(error) }));
    return 1;
  } finally {
    await endAll(children);
    rmSync(root, { recursive: true, force: true });
  }
}

const WORK = {
  task: "Bring the users table up to date.",
  command: "psql staging -f src/0042_users_email.sql",
  why: "Adds the column email to users",
};

/** A link that logs one browser in. Only a person's own terminal gets one; anybody else is told how. */
async function dashboardLink(mesh: Mesh, home: string): Promise<string> {
  try {
    return (await mesh.login_link({})).url;
  } catch (error) {
    if (!(error instanceof RepowireError) || error.code !== "human_required") throw error;
    return `REPOWIRE_HOME=${home} npx repowire dashboard    (in a terminal of your own)`;
  }
}

const QUESTIONS = [QUESTION, "How is GET /users paged?", "Which fields of GET /users may be null?"];
const BETWEEN_MS = 20_000;
const ROUNDS_MAX = 100;

/** Now and then one more question, so that there is something to see. */
async function goOn(frontend: ReturnType<typeof startAgent>): Promise<void> {
  for (let round = 0; round < ROUNDS_MAX; round++) {
    await Bun.sleep(BETWEEN_MS);
    const question = QUESTIONS[round % QUESTIONS.length] ?? QUESTION;
    frontend.send({ type: "ask", peer: "backend", question });
    await frontend.next("result");
  }
}

function startAgent(setup: AgentSetup, root: string) {
  const waiting: { type: AgentEvent["type"]; resolve(event: AgentEvent): void }[] = [];
  const early: AgentEvent[] = [];
  // Claude Code tells by these words of its command line that the channel is wanted.
  const flags = ["--dangerously-load-development-channels", "server:repowire"];
  const process_ = Bun.spawn([process.execPath, "--no-env-file", join(import.meta.dir, "agent.ts"), ...flags], {
    cwd: setup.projectDir,
    env: {
      PATH: setup.env.PATH,
      HOME: root,
      REPOWIRE_HOME: setup.env.REPOWIRE_HOME,
      REPOWIRE_DEMO_AGENT: JSON.stringify(setup),
    },
    stdin: "ignore",
    stdout: "inherit",
    stderr: "inherit",
    ipc(event: AgentEvent) {
      const index = waiting.findIndex((entry) => entry.type === event.type);
      if (index < 0) early.push(event);
      else waiting.splice(index, 1)[0]?.resolve(event);
    },
  });
  return {
    process: process_,
    send: (command: AgentCommand) => process_.send(command),
    /** The next event of a kind; rejects when the agent ends before it. */
    next<Type extends AgentEvent["type"]>(type: Type): Promise<Extract<AgentEvent, { type: Type }>> {
      const index = early.findIndex((event) => event.type === type);
      if (index >= 0) return Promise.resolve(early.splice(index, 1)[0] as Extract<AgentEvent, { type: Type }>);
      const { promise, resolve, reject } = Promise.withResolvers<AgentEvent>();
      waiting.push({ type, resolve });
      void process_.exited.then((code) => reject(new Error(`an agent ended with code ${code}`)));
      return promise as Promise<Extract<AgentEvent, { type: Type }>>; // resolved only with events of this type
    },
  };
}

type Trace = OperationOutput<"trace">;

async function settledTrace(mesh: Mesh): Promise<Trace | undefined> {
  const trace = await mesh.trace({ id: "last" });
  const states = trace.steps.map((step) => step.state);
  return states.includes("answered") && states.includes("seen") && states.includes("answer presented")
    ? trace
    : undefined;
}

const MAIN_STATES = ["queued", "presented", "seen", "answered"];

function summary(trace: Trace, roundTripMs: number) {
  const steps = trace.steps
    .filter((step) => MAIN_STATES.includes(step.state))
    .map(({ state, at, detail }) => ({ state, at, detail }));
  const inOrder = MAIN_STATES.every((state, index) => steps[index]?.state === state);
  return {
    ok: inOrder && trace.ask?.state === "answered",
    ask: { id: trace.id, state: trace.ask?.state, answered_by: trace.ask?.by },
    trace: steps,
    round_trip_ms: roundTripMs,
  };
}

async function until<T>(look: () => Promise<T | undefined>, what: string): Promise<T> {
  const deadline = Date.now() + READY_TIMEOUT_MS;
  while (Date.now() < deadline) {
    const found = await look();
    if (found !== undefined) return found;
    await Bun.sleep(20);
  }
  throw new Error(what);
}

const END_MS = 3_000;

/** Agents first, then the daemon; what does not end in time is killed. Only processes that this demo started. */
async function endAll(children: Subprocess[]): Promise<void> {
  for (const child of [...children].reverse()) {
    child.kill("SIGTERM");
    const ended = await Promise.race([child.exited.then(() => true), Bun.sleep(END_MS).then(() => false)]);
    if (!ended) child.kill("SIGKILL");
    await child.exited;
  }
}
