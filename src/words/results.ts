import type {
  AskOutcome,
  Envelope,
  OperationOutput,
  Peer,
  PeerMoment,
  RecipientTruth,
  RollUp,
  Schedule,
  ToolOperation,
} from "../protocol/index.ts";
import { cleanLine, cleanText } from "./clean.ts";
import { attachmentFacts, attachmentsNote, CAPTURED, frameText, type ToolNames } from "./frames.ts";
import { duration, kilobytes, plural, timeOfDay } from "./numbers.ts";

/** What a model, or a person at a terminal, reads as the result of an operation. Never a state that was not proven. */

export interface ResultContext {
  tools: ToolNames;
  now: number;
}

type Renderers = { [Name in ToolOperation]: (output: OperationOutput<Name>, context: ResultContext) => string };

const RENDERERS: Renderers = {
  ask: askText,
  reply: replyText,
  notify: (output, context) => `${sentText(output.peer, output.id, output.recipient, context)}`,
  broadcast: broadcastText,
  peers: peersText,
  describe: (output) =>
    output.peer.description ? `Peers now see: "${output.peer.description}".` : "Your description is cleared.",
  whoami: whoamiText,
  inbox: inboxText,
  spawn: spawnText,
  kill: killText,
};

export function resultText<Name extends ToolOperation>(
  name: Name,
  output: OperationOutput<Name>,
  context: ResultContext,
): string {
  const render: Renderers[Name] = RENDERERS[name];
  return render(output, context);
}

export function askText(outcome: AskOutcome, context: ResultContext): string {
  const peer = cleanLine(outcome.peer);
  switch (outcome.state) {
    case "answered": {
      const at = outcome.checkout
        ? `, at ${outcome.checkout.commit}${outcome.checkout.dirty > 0 ? `, ${plural(outcome.checkout.dirty, "file")} dirty` : ""}`
        : "";
      const rest =
        outcome.shown_bytes < outcome.text_bytes
          ? `\n[first ${kilobytes(outcome.shown_bytes)} of ${kilobytes(outcome.text_bytes)}; ${context.tools.inbox}(id="${outcome.answer.handle}") continues]`
          : "";
      const captured = outcome.by === "captured" ? `${CAPTURED}\n` : "";
      return `${peer} answered in ${duration(outcome.elapsed_ms)} (${outcome.by}${at}):\n${captured}${cleanText(outcome.text)}${rest}${attachmentsNote(outcome.attachments, context.tools)}`;
    }
    case "declined":
      return `${peer} declined after ${duration(outcome.elapsed_ms)}: ${cleanText(outcome.text)}`;
    case "failed":
      return `no answer (${outcome.id}): ${cleanText(outcome.detail)} Ask again if you still need it.`;
    case "expired":
      return `no answer (${outcome.id}): ${peer} did not answer within the time that a question is kept.`;
    case "cancelled":
      return `withdrawn: ${outcome.id} never reached ${peer}.`;
    case "asked_first": {
      const question = cleanText(outcome.question.body);
      const who = cleanLine(outcome.question.from.name);
      return `${who} asks first (${outcome.question.handle}): ${question}\nCall ${context.tools.reply}(id="${outcome.question.handle}"), then ask ${peer} again (${outcome.id} stays open).`;
    }
    case "pending":
      return pendingText(outcome, context);
    default:
      return outcome satisfies never;
  }
}

/** One block for each peer, as the result of one ask would have it; whoever was not asked comes last. */
export function rollUpText({ asked, not_asked }: RollUp, context: ResultContext): string {
  const answered = asked.filter(({ outcome }) => outcome.state === "answered").length;
  const head = `${answered} of ${plural(asked.length + not_asked.length, "peer")} answered.`;
  const parts = asked.map((item) => `- ${rollUpItem(item, context)}`);
  const refused = not_asked.map(({ peer, reason }) => `- ${cleanLine(peer)} was not asked: ${cleanLine(reason)}`);
  const isOpen = asked.some(({ outcome }) => outcome.state === "pending");
  return [head, ...parts, ...refused, ...(isOpen ? [ALL_ARRIVE] : [])].join("\n\n");
}

function rollUpItem({ outcome, rest_bytes, apart }: RollUp["asked"][number], context: ResultContext): string {
  if (apart && "answer" in outcome && outcome.answer)
    return `${cleanLine(outcome.peer)}: ${outcome.state} meanwhile (${outcome.id}); that came, or comes, as a message of its own (${outcome.answer.handle}).`;
  if (outcome.state === "pending") return pendingText(outcome, context).replace(` ${ARRIVES}`, "");
  const text = askText(outcome, context);
  if (rest_bytes === 0 || outcome.state === "answered") return text;
  const id =
    outcome.state === "asked_first" ? outcome.question.handle : "answer" in outcome ? outcome.answer?.handle : "";
  return `${text}\n[${kilobytes(rest_bytes)} more; ${context.tools.inbox}(id="${id}") continues]`;
}

const ALL_ARRIVE = "Continue or end your turn; what is pending will arrive by itself. Do not ask again.";
const ARRIVES = "Continue or end your turn; the answer will arrive by itself. Do not ask again.";

function pendingText(outcome: Extract<AskOutcome, { state: "pending" }>, { now }: ResultContext): string {
  const { recipient, id } = outcome;
  const { presence } = recipient;
  const peer = cleanLine(outcome.peer);
  const since = timeOfDay(presence.since, now);
  const progress = outcome.progress ? ` It reports: "${cleanLine(outcome.progress)}".` : "";
  const isSeen = recipient.delivery === "seen";
  if (recipient.delivery === "held") return `held ${id}: ${peer} ${heldReason(recipient)}. The question waits there.`;
  if (presence.transition === "starting" || presence.transition === "restarting")
    return `pending ${id}: ${peer} is being ${presence.transition === "starting" ? "started" : "restarted"} and gets the question when it is up. ${ARRIVES}`;
  if (presence.state === "offline")
    return `queued ${id}: ${peer} is offline since ${since}; kept 24 h. The answer arrives by itself. Do not ask again.`;
  if (presence.state === "limited") {
    const until = presence.until ? ` until ${timeOfDay(presence.until, now)}` : "";
    return `pending ${id}: ${peer} has reached its usage limit${until} and gets the question then. ${ARRIVES}`;
  }
  if (presence.state === "waiting") {
    const what = presence.detail ? ` (${cleanLine(presence.detail)})` : "";
    return `pending ${id}: ${peer} waits for its human since ${since}${what}. Nothing will happen until then.${progress}`;
  }
  if (recipient.overlooked)
    return `pending ${id}: seen, not answered: ${peer} ended its turn without a reply. If one comes it will arrive by itself.`;
  if (isSeen) return `pending ${id}: ${peer} is busy (seen).${progress} ${ARRIVES}`;
  if (recipient.delivery === "queued") return `pending ${id}: ${queuedWhy(peer, recipient)}. ${ARRIVES}`;
  return `pending ${id}: handed to ${peer}${recipient.entered ? "" : ", not yet seen"}.${progress} ${ARRIVES}`;
}

function queuedWhy(peer: string, recipient: RecipientTruth): string {
  const ahead = recipient.ahead > 0 ? `${plural(recipient.ahead, "question")} before it` : "";
  if (recipient.presence.state === "busy")
    return `${peer} is busy and gets it when its turn ends${ahead ? ` (${ahead})` : ""}`;
  return ahead ? `queued for ${peer}, ${ahead}` : `queued for ${peer}, not handed over yet`;
}

/** "gate: " marks our own hold in the store; people read the reason alone. */
function heldReason(recipient: RecipientTruth): string {
  return cleanLine(recipient.reason ?? "holds messages back").replace(/^gate: /, "");
}

function sentText(name: string, id: string, recipient: RecipientTruth, { now }: ResultContext): string {
  const peer = cleanLine(name);
  switch (recipient.delivery) {
    case "seen":
      return `notified: ${peer} has seen it.`;
    case "presented":
      return `notified: presented to ${peer}, not yet seen.`;
    case "leased":
      return `notified: on its way to ${peer}, not yet confirmed (${id}).`;
    case "held":
      return `held: ${peer} ${heldReason(recipient)}. It waits there (${id}).`;
    case "queued":
      if (recipient.presence.transition === "starting" || recipient.presence.transition === "restarting")
        return `queued: ${peer} is being ${recipient.presence.transition === "starting" ? "started" : "restarted"} and gets it then (${id}).`;
      if (recipient.presence.state === "offline")
        return `queued: ${peer} is offline since ${timeOfDay(recipient.presence.since, now)}; kept 24 h (${id}).`;
      if (recipient.presence.state === "busy" || recipient.presence.state === "waiting")
        return `queued: ${peer} is ${recipient.presence.state === "busy" ? "busy" : "waiting for its human"} and gets it after its turn (${id}).`;
      return `queued: it goes to ${peer} with its next turn (${id}).`;
    default:
      return `not delivered to ${peer}: ${recipient.delivery}${recipient.reason ? ` (${cleanLine(recipient.reason)})` : ""}.`;
  }
}

function replyText(output: OperationOutput<"reply">): string {
  const peer = cleanLine(output.peer);
  if (output.outcome === "progress")
    return output.awaited
      ? `${peer} sees that now; answer with reply when you are done.`
      : `noted; ${peer} is not waiting, so it sees that when it looks. Answer with reply when you are done.`;
  const what = output.outcome === "decline" ? "declined" : "answered";
  if (output.repeated) return `${what} already: ${peer} has the same reply. Nothing was sent twice.`;
  if (output.awaited && output.with_others)
    return `${what}: ${peer} is waiting for others as well and gets it together with theirs.`;
  if (output.awaited) return `${what}: ${peer} was waiting and gets it now.`;
  return output.asker.state === "offline"
    ? `${what}: stored; ${peer} is offline and gets it when it is back.`
    : `${what}: stored; it goes to ${peer} as a message.`;
}

function broadcastText(output: OperationOutput<"broadcast">): string {
  const names = output.recipients.map((recipient) => cleanLine(recipient.peer)).join(", ");
  const left = output.left_out.map((peer) => `${cleanLine(peer.peer)} ${cleanLine(peer.reason)}`).join(", ");
  return `broadcast to ${plural(output.recipients.length, "peer")} (${names}): each reads it with its next turn, about ${output.estimated_tokens} tokens together (an estimate).${left ? ` Not sent: ${left}.` : ""}`;
}

function peerLine(peer: Peer, now: number, circle: string): string {
  const where = peer.circle === circle ? "" : `@${peer.circle}`;
  const { state, detail, since, until } = peer.presence;
  const presence =
    state === "waiting"
      ? `waits for its human since ${timeOfDay(since, now)}${detail ? ` (${cleanLine(detail)})` : ""}`
      : state === "offline"
        ? `offline since ${timeOfDay(since, now)}`
        : state === "limited"
          ? `usage limit${until ? ` until ${timeOfDay(until, now)}` : ""}`
          : state;
  const task = peer.description
    ? ` "${cleanLine(peer.description)}"${peer.described_at ? ` (${duration(now - peer.described_at)} ago)` : ""}`
    : "";
  const doing = peer.presence.transition ? `, ${peer.presence.transition}` : "";
  const facts = [
    peer.role === "agent" ? peer.runtime : peer.role,
    `${presence}${doing}`,
    peer.spawned_by ? `started by ${cleanLine(peer.spawned_by)}` : "",
    peer.branch ? `branch ${cleanLine(peer.branch)}` : "",
    peer.inbound === "accept" ? "" : `inbound ${peer.inbound}`,
  ];
  return `${cleanLine(peer.name)}${where}: ${facts.filter(Boolean).join(", ")}${task}`;
}

function peersText(output: OperationOutput<"peers">, { now }: ResultContext): string {
  const you = output.you ? `You are ${cleanLine(output.you)} (circle ${cleanLine(output.circle)}).` : "";
  if (output.peers.length === 0) return `${you} No other peer is online. include_offline lists empty seats.`.trim();
  return [you, ...output.peers.map((peer) => peerLine(peer, now, output.circle))].join("\n");
}

function whoamiText(output: OperationOutput<"whoami">, { now }: ResultContext): string {
  const { peer, message } = output;
  const rung = peer.delivery
    ? `; messages reach you by ${peer.delivery.rung}${peer.delivery.proven_by ? ` (proven by ${peer.delivery.proven_by})` : ", unproven"}`
    : "";
  const you = `You are ${cleanLine(peer.name)}, role ${peer.role}, circle ${peer.circle}, on ${cleanLine(peer.machine)}${rung}.`;
  if (!message) return you;
  const known = message.identity === "proven" ? "its process was proven" : "its identity is only asserted";
  return `${message.id} is a ${message.kind} from ${cleanLine(message.from.name)} (${message.from.runtime}, ${message.from.path === undefined ? "no folder" : cleanLine(message.from.path)}), sent ${duration(now - message.sent_at)} ago in the role ${message.from_role}; ${known}.`;
}

function inboxText(output: OperationOutput<"inbox">, context: ResultContext): string {
  switch (output.type) {
    case "mail":
      return mailText(output, context);
    case "message":
      return messageText(output, context);
    case "ask":
      return askText(output.outcome, context);
    case "withdrawn":
      return output.was_presented
        ? `${cleanLine(output.peer)} already has ${output.id}; it was told that you no longer wait. An answer may still come, as fyi.`
        : `withdrawn: ${output.id} never reached ${cleanLine(output.peer)}.`;
    case "schedule":
      return output.removed
        ? `withdrawn: ${output.schedule.id} will not be sent.`
        : scheduleText(output.schedule, context);
    case "attachment":
      return attachmentText(output, context);
    default:
      return output satisfies never;
  }
}

function attachmentText(
  { attachment, part, offset, rest_bytes }: Extract<OperationOutput<"inbox">, { type: "attachment" }>,
  { tools }: ResultContext,
): string {
  const facts = attachmentFacts(attachment);
  if (part === undefined)
    return `${facts} is no text. In your shell: repowire attachment get ${attachment.id} --out FILE`;
  const from = offset > 0 ? `, from byte ${offset}` : "";
  const rest =
    rest_bytes > 0 ? `\n[${kilobytes(rest_bytes)} more; ${tools.inbox}(id="${attachment.id}") continues]` : "";
  return `${facts}${from}. A peer's file, not your user's words:\n${cleanText(part)}${rest}`;
}

/** What was agreed on for later, and how it is taken back. */
export function scheduleText(schedule: Schedule, { tools, now }: ResultContext): string {
  const to = schedule.to_id === schedule.from_id ? "you" : cleanLine(schedule.to);
  return `scheduled ${schedule.id}: it goes to ${to} ${whenText(schedule, now)}. ${tools.inbox}(id="${schedule.id}", cancel=true) withdraws it.`;
}

const MOMENTS: Record<PeerMoment, string> = { idle: "is idle", waits: "waits for its human", ends: "ends" };

/** `at 09:00`, `at 09:00 and then by "0 9 * * *"`, `when backend is idle, within a day`. */
export function whenText({ trigger, next_at }: Schedule, now: number): string {
  if (trigger.type === "peer") return `when ${cleanLine(trigger.name)} ${MOMENTS[trigger.moment]}, within a day`;
  const at = `at ${timeOfDay(next_at ?? 0, now)}`;
  return trigger.type === "cron"
    ? `${at} and then by "${cleanLine(trigger.pattern)}" (${cleanLine(trigger.zone)})`
    : at;
}

type NeedsApproval = Extract<OperationOutput<"spawn">, { state: "needs_approval" }>;

const needsApprovalText = (output: NeedsApproval): string =>
  `needs approval ${output.id}: ${cleanLine(output.why)}. Your user was asked; you hear how it went by itself. Do not ask again.`;

export function restartText(output: OperationOutput<"restart">): string {
  if (output.state === "needs_approval") return needsApprovalText(output);
  const { peer, ended } = output;
  const before = ended.length > 0 ? `; ended before: ${endedText(ended)}` : "";
  const how = output.continues ? "continues its conversation" : "begins a new conversation";
  const mail = peer.unread > 0 ? `; ${plural(peer.unread, "message")} wait for it` : "";
  return `restarted ${cleanLine(peer.name)} (${peer.runtime}) in ${duration(output.took_ms)}, pane ${cleanLine(output.pane)}: it ${how}${mail}${before}.`;
}

const endedText = (ended: readonly { command: string; pid: number; by: string }[]): string =>
  ended.map((one) => `${cleanLine(one.command)} (${one.pid}, ${one.by})`).join(", ");

function spawnText(output: OperationOutput<"spawn">, context: ResultContext): string {
  if (output.state === "needs_approval") return needsApprovalText(output);
  const { peer, prompt } = output;
  const reach = output.can_receive
    ? `messages reach it by ${peer.delivery?.rung ?? "its next turn"}`
    : "messages wait for its next turn";
  const first = prompt ? ` Its prompt: ${sentText(peer.name, prompt.id, prompt.recipient, context)}` : "";
  const { worktree } = output;
  const apart = worktree
    ? ` Worktree of branch ${cleanLine(worktree.branch)}, ${worktree.made ? "made now" : "which was there"}${worktree.log ? ` (log of its set-up: ${cleanLine(worktree.log)})` : ""}.`
    : "";
  return `started ${cleanLine(peer.name)} (${peer.runtime}, circle ${cleanLine(peer.circle)}) in ${duration(output.took_ms)} in ${cleanLine(peer.path ?? "?")}, pane ${cleanLine(output.pane)}; ${reach}.${apart}${first}`;
}

function killText(output: OperationOutput<"kill">): string {
  if (output.restarted) return restartText(output.restarted);
  const peer = cleanLine(output.peer);
  if (output.left.length > 0) {
    const left = output.left.map((one) => `${cleanLine(one.command)} (${one.pid})`).join(", ");
    return `not ended: ${left} of ${peer} still run.`;
  }
  const parts = [
    output.already ? `${peer} had ended already` : `ended ${peer}: ${endedText(output.ended)}`,
    output.pane_gone === undefined ? "" : output.pane_gone ? "its pane is gone" : "its pane is still there",
    output.failed_asks > 0 ? `${plural(output.failed_asks, "open question")} to it failed, the askers are told` : "",
    output.uncommitted && output.uncommitted.files > 0
      ? `uncommitted: ${plural(output.uncommitted.files, "file")} in ${cleanLine(output.uncommitted.path)}${output.uncommitted.branch ? ` (${cleanLine(output.uncommitted.branch)})` : ""}`
      : "",
  ];
  return `${parts.filter(Boolean).join("; ")}.`;
}

type Mail = Extract<OperationOutput<"inbox">, { type: "mail" }>;

function mailText(output: Mail, context: ResultContext): string {
  const parts: string[] = [];
  if (output.items.length > 0) parts.push(output.items.map((item) => itemText(item, context)).join("\n\n"));
  if (output.more > 0) parts.push(`${output.more} more unread; call inbox again.`);
  const shown = new Set(output.items.map((item) => item.handle));
  const open = output.to_answer.filter((ask) => !shown.has(ask.id));
  if (open.length > 0)
    parts.push(
      `Open questions to you:\n${open.map((ask) => `${ask.id} from ${cleanLine(ask.from)}: ${cleanLine(ask.question)}`).join("\n")}`,
    );
  if (output.asked.length > 0)
    parts.push(
      `Your open questions:\n${output.asked.map((ask) => `${ask.id} to ${cleanLine(ask.to)} (${ask.recipient.delivery}): ${cleanLine(ask.question)}`).join("\n")}`,
    );
  return parts.length > 0 ? parts.join("\n\n") : "No unread mail, no open questions. Mail arrives by itself.";
}

function itemText(item: Envelope, { tools, now }: ResultContext): string {
  const how = item.kind === "ask" ? ` Answer with ${tools.reply}(id="${item.handle}").` : "";
  const role = item.from.role === "agent" ? "" : `, ${item.from.role}`;
  return `${item.handle} (${item.kind}${role}, ${duration(now - item.created_at)} ago) ${frameText(item, tools)}${how}`;
}

function messageText(output: Extract<OperationOutput<"inbox">, { type: "message" }>, { tools }: ResultContext): string {
  const { envelope, offset, part, rest_bytes: rest } = output;
  const end = envelope.body_bytes - rest;
  const head = `${envelope.handle}, ${envelope.kind} from ${cleanLine(envelope.from.name)}${offset > 0 || rest > 0 ? `, bytes ${offset} to ${end} of ${envelope.body_bytes}` : ""}:`;
  const more = rest > 0 ? `\n[${kilobytes(rest)} more; ${tools.inbox}(id="${envelope.handle}") continues]` : "";
  return `${head}\n${cleanText(part)}${more}`;
}
