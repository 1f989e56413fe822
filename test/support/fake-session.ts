import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type {
  Envelope,
  ErrorCode,
  OperationInput,
  OperationName,
  OperationOutput,
  PermissionAsk,
  RecordedTurns,
  Report,
  Runtime,
} from "../../src/protocol/index.ts";
import { fromSource, type Ran, type SetupSandbox } from "./setup-sandbox.ts";
import { until } from "./until.ts";

/** An agent session as a process: a peer of its own, whose children act as that peer. */
export interface FakeSession extends AsyncDisposable {
  readonly pid: number;
  readonly id: string;
  readonly name: string;
  readonly received: Envelope[];
  readonly verdicts: { request: string; behavior: string; reason?: string }[];
  call<Name extends OperationName>(name: Name, input: OperationInput<Name>): Promise<OperationOutput<Name>>;
  /** The first message with this text, as soon as it was handed over. */
  got(body: string): Promise<Envelope>;
  report(report: Report): void;
  /** Files that its tools are about to write, or have read. */
  files(used: { writes?: string[]; reads?: string[] }): void;
  requestPermission(request: PermissionAsk): void;
  /** Runs a command as this session's agent would. */
  run(command: string[]): Promise<Ran>;
  /** The command line, as this session's agent would run it. */
  repowire(...args: string[]): Promise<Ran>;
}

export interface SessionSetup {
  name?: string;
  circle?: string;
  runtime?: Runtime;
  /** What it says when it is asked for its own turns; absent: it cannot be asked. */
  turns?: RecordedTurns;
}

export interface SessionListeners {
  /** A message was handed to the session. */
  onItem?(item: Envelope): void;
  /** A permission request was decided from outside. */
  onVerdict?(verdict: { request: string; behavior: string }): void;
}

export type ToSession =
  | { type: "call"; id: number; name: string; input: unknown }
  | { type: "run"; id: number; command: string[] }
  | { type: "report"; report: Report }
  | { type: "files"; used: { writes: string[]; reads: string[] } }
  | { type: "permission"; request: PermissionAsk };
export type FromSession =
  | { type: "joined"; id: string; name: string }
  | { type: "delivered"; item: Envelope }
  | { type: "verdict"; request: string; behavior: string; reason?: string }
  | { type: "result"; id: number; value?: unknown; error?: { code: ErrorCode; message: string } };

/** Starts one in a folder of the sandbox, made if need be. Rejected calls carry the error's code before its sentence. */
export async function fakeSession(
  sandbox: SetupSandbox,
  folder: string,
  setup: SessionSetup = {},
  listeners: SessionListeners = {},
): Promise<FakeSession> {
  const cwd = join(sandbox.root, folder);
  mkdirSync(cwd, { recursive: true });
  const received: Envelope[] = [];
  const verdicts: FakeSession["verdicts"] = [];
  const open = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  const joined = Promise.withResolvers<{ id: string; name: string }>();
  let nextId = 1;
  const child = Bun.spawn([process.execPath, "--no-env-file", join(import.meta.dir, "session-process.ts")], {
    cwd,
    env: { ...sandbox.env, FAKE_SESSION: JSON.stringify(setup) },
    stdin: "ignore",
    stdout: "inherit",
    stderr: "inherit",
    ipc(event: FromSession) {
      if (event.type === "joined") joined.resolve(event);
      else if (event.type === "delivered") {
        received.push(event.item);
        listeners.onItem?.(event.item);
      } else if (event.type === "verdict") {
        verdicts.push(event);
        listeners.onVerdict?.(event);
      } else {
        const call = open.get(event.id);
        open.delete(event.id);
        if (event.error) call?.reject(new Error(`${event.error.code}: ${event.error.message}`));
        else call?.resolve(event.value);
      }
    },
  });
  void child.exited.then((code) => joined.reject(new Error(`the session ended with code ${code}`)));

  function order(make: (id: number) => ToSession): Promise<unknown> {
    const id = nextId++;
    const done = Promise.withResolvers<unknown>();
    open.set(id, done);
    child.send(make(id));
    return done.promise;
  }

  const run = (command: string[]) => order((id) => ({ type: "run", id, command })) as Promise<Ran>; // what the session runs

  const { id, name } = await joined.promise;
  return {
    pid: child.pid,
    id,
    name,
    received,
    verdicts,
    call: <Name extends OperationName>(operation: Name, input: OperationInput<Name>) =>
      // The session answers each name with its own output type.
      order((number) => ({ type: "call", id: number, name: operation, input })) as Promise<OperationOutput<Name>>,
    got: (body) => until(() => received.find((item) => item.body === body), `"${body}" at ${name}`),
    report: (report) => child.send({ type: "report", report } satisfies ToSession),
    files: ({ writes = [], reads = [] }) => child.send({ type: "files", used: { writes, reads } } satisfies ToSession),
    requestPermission: (request) => child.send({ type: "permission", request } satisfies ToSession),
    run,
    repowire: (...args) => run([...fromSource(), ...args]),
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}
