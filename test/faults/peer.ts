import { answerText, journal, numberIn, questionText } from "./book.ts";
import type { FaultDriver, PeerConnection, Shown } from "./driver.ts";
import { PeerCommand, type PeerEvent, PeerSetup } from "./orders.ts";

/**
 * One peer, in a process of its own: it sends what its parent tells it to, answers what it is asked, and writes down what it was
 * told and shown. The channel flag on its command line is what the CLI's own would say.
 */
const setup = PeerSetup.parse(JSON.parse(process.env.FAULTS_PEER ?? "{}"));
const { driver } = (await import(setup.driver)) as { driver: FaultDriver }; // the suite's own choice of file
const write = journal(setup.journals, setup.spec.name, setup.run);
const tell = (event: PeerEvent) => process.send?.(event);
const joined = Promise.withResolvers<PeerConnection>();

function onShown(shown: Shown): void {
  const number = numberIn(shown.text);
  // What the product itself writes (the notice of a failed question, say) has no number.
  if (!number) return;
  const { n, isAnswer } = number;
  const { handle, attempt, again, via, text } = shown;
  write({ type: "shown", n, isAnswer, handle, attempt, again, via, text: text.slice(0, 120) });
  if (shown.kind === "ask" && handle) void answer(n, handle);
}

/** Some answers take a moment, so that faults find questions in hand. */
async function answer(n: string, handle: string): Promise<void> {
  await Bun.sleep(hash(n + setup.run) % 5 === 0 ? 300 : 5);
  const text = answerText(n, setup.spec.name);
  write({ type: "answering", n, handle, text });
  const own = await joined.promise;
  let told = await own.reply(handle, text, hash(n) % 11 === 0);
  // As a model would: what was refused for now, or left open, is said again.
  const mayPass: (string | undefined)[] = [driver.refusals.storageFull, driver.refusals.overloaded];
  while (told.said === "unknown" || mayPass.includes(told.code)) {
    await Bun.sleep(500);
    told = await own.reply(handle, text, hash(n) % 11 === 0);
  }
  write({ type: "answer_told", n, said: told.said, code: told.code, text: told.text.slice(0, 200) });
}

function hash(text: string): number {
  return Number(Bun.hash(text) % 1_000_003n);
}

async function obey(command: PeerCommand): Promise<void> {
  const numbers =
    command.times > 1 ? Array.from({ length: command.times }, (_, i) => `${command.n}-${i}`) : [command.n];
  await Promise.all(numbers.map((n) => sendOne(n, command)));
  tell({ type: "done", n: command.n });
}

async function sendOne(n: string, { kind, to, urgency, waitSeconds, bytes }: PeerCommand): Promise<void> {
  write({ type: "sending", n, kind, to, urgency });
  const text = questionText(n, setup.spec.name, to, "x".repeat(bytes));
  const told = await (await joined.promise).send(kind, to, text, { waitSeconds, urgency });
  write({
    type: "told",
    n,
    said: told.said,
    state: told.state,
    code: told.code,
    text: told.text.slice(0, 200),
    to: told.to,
  });
}

process.on("message", (command: unknown) => void obey(PeerCommand.parse(command)));
// The suite is gone without a word: so is this peer.
process.on("disconnect", () => process.exit(0));
const peer = await driver.join(setup.spec, onShown);
joined.resolve(peer);
write({ type: "joined", name: peer.name });
tell({ type: "ready", name: peer.name, linkPid: peer.linkPid() });
