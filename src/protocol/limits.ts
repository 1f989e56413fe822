import type { Limit } from "./limit.ts";
import { FILE_LIMITS } from "./limits-files.ts";
import { LATER_LIMITS } from "./limits-later.ts";
import { NEWS_LIMITS } from "./limits-news.ts";

/**
 * Every limit of repowire, once, with the reason for its size. Reaching one is a clear error to the sender, never a silent cut.
 * `docs/protocol.md` prints this table.
 */
export const LIMIT_TABLE = {
  bodyBytesMax: {
    value: 262_144,
    unit: "bytes",
    why: "A message is read by a model: 256 kB is far beyond what one can use, and small enough to store and show.",
  },
  inlineBytesMax: {
    value: 8_192,
    unit: "bytes",
    why: "What one push puts into a context without being asked; the rest is fetched with inbox(id). Hook contexts are cut at about 10,000 characters (Claude Code 2.1.330).",
  },
  resultCharsMax: {
    value: 9_800,
    unit: "characters",
    why: "Tool results stay below 10,000 characters, the smallest cut of the CLIs, with room for the line that says how to go on.",
  },
  nameCharsMax: { value: 64, unit: "characters", why: "Names are typed by people and repeated in every frame." },
  descriptionCharsMax: { value: 200, unit: "characters", why: "One line in list_peers, which every session pays for." },
  reasonCharsMax: { value: 500, unit: "characters", why: "Reasons are shown on one line." },
  pathCharsMax: { value: 4_096, unit: "characters", why: "PATH_MAX on Linux." },
  mailboxLengthMax: {
    value: 500,
    unit: "count",
    why: "Unread messages for one peer. More than this is never read by a model; the sender must hear it.",
  },
  openAsksPerAskerMax: {
    value: 64,
    unit: "count",
    why: "Open questions of one peer; an agent that has more is in a loop.",
  },
  pendingApprovalsPerPeerMax: {
    value: 64,
    unit: "count",
    why: "Permission requests of one session that wait at the same time: a session shows one dialog, its subagents a few. Each stands in a person's list and in memory.",
  },
  askedAtOnceMax: {
    value: 8,
    unit: "count",
    why: "Peers asked by one call: their answers share one result, so each still gets a thousand characters of it; and half of the calls that may wait at once.",
  },
  waitersPerPeerMax: {
    value: 16,
    unit: "count",
    why: "Calls of one peer that wait at the same time; each holds memory.",
  },
  fanOutMax: { value: 128, unit: "count", why: "Recipients of one broadcast; each costs tokens in a session." },
  hopsMax: {
    value: 20,
    unit: "count",
    why: "Messages that cause messages, without a person in between; a chain this long is agents talking in circles. `thread_depth` in config.yaml.",
  },
  pairPerMinuteMax: {
    value: 30,
    unit: "count",
    why: "Messages between two agents within a minute, both ways; work needs a few, a politeness storm takes all it gets. `pair_per_minute` in config.yaml.",
  },
  pairPerNightMax: {
    value: 600,
    unit: "count",
    why: "Messages between two agents within 12 hours: nearly one a minute for a whole night. `pair_per_night` in config.yaml.",
  },
  circlePerMinuteMax: {
    value: 300,
    unit: "count",
    why: "Messages of all agents of a circle within a minute: ten pairs at their own limit. `circle_per_minute` in config.yaml.",
  },
  attemptsMax: {
    value: 8,
    unit: "count",
    why: "Attempts to present one delivery before it is declared dead and the sender told.",
  },
  linksMax: {
    value: 10_240,
    unit: "count",
    why: "Open links of one daemon: far more sessions than one person has on one machine, few enough for its memory (about 25 kB each when idle).",
  },
  streamsMax: { value: 64, unit: "count", why: "Open event streams (log -f, dashboards)." },
  loginLinkMs: {
    value: 300_000,
    unit: "ms",
    why: "A login link is opened at once, or typed over to a phone; what is older lies about in a terminal's history.",
  },
  loginLinksMax: {
    value: 16,
    unit: "count",
    why: "Login links that wait to be opened; a new one makes the oldest void.",
  },
  loginMs: {
    value: 2_592_000_000,
    unit: "ms",
    why: "A browser stays logged in for 30 days, then wants a new link: a forgotten phone is not a person for ever.",
  },
  loginsMax: { value: 32, unit: "count", why: "Browsers of one person that are logged in; a new one ends the oldest." },
  frameBytesMax: {
    value: 1_048_576,
    unit: "bytes",
    why: "One frame on a link or one HTTP body: a full message as JSON, escaped, with room.",
  },
  bodyWaitMs: {
    value: 10_000,
    unit: "ms",
    why: "The body of a request comes over loopback: what takes longer than this is a connection that is held open, not a message.",
  },
  batchMax: {
    value: 256,
    unit: "count",
    why: "Commands decided in one transaction; keeps one commit short while a burst lasts.",
  },
  queueMax: {
    value: 20_000,
    unit: "count",
    why: "Commands waiting for their transaction; beyond this the daemon says `overloaded` instead of growing.",
  },
  deliverItemsMax: { value: 32, unit: "count", why: "Messages in one `deliver` call; keeps a frame below its limit." },
  pageMax: { value: 1_000, unit: "count", why: "Rows of one page of events or history." },
  findPageMax: {
    value: 200,
    unit: "count",
    why: "Messages of one page of a search or history; each has a part of its text.",
  },
  findTextCharsMax: {
    value: 2_000,
    unit: "characters",
    why: "How much of a message a page of history shows; a page stays below half a megabyte.",
  },
  searchCharsMax: { value: 1_000, unit: "characters", why: "What is searched for is a few words." },
  searchWordsMax: { value: 32, unit: "count", why: "Words of one search; each is looked up by itself." },
  searchRankedMax: {
    value: 500,
    unit: "count",
    why: "The newest messages that fit, among which `relevance` orders: their texts are read, so the work must end.",
  },
  searchScanMax: {
    value: 2_000,
    unit: "count",
    why: "Messages that one call of a search reads one by one, where the index does not decide: those not in it yet. Beyond this the page ends early, with a cursor to go on.",
  },
  purgeRows: {
    value: 100,
    unit: "count",
    why: "Rows removed in one transaction by a purge: everything else waits that long.",
  },
  exportPageMax: {
    value: 100,
    unit: "count",
    why: "Messages of one page of an export: with bodies of the largest size it is 26 MB, read at one go.",
  },
  waitMsMax: {
    value: 100_000,
    unit: "ms",
    why: "The longest wait of one ask call. Claude Code 2.1.330 moves a tool call to the background after 120 s.",
  },
  waitMsDefault: {
    value: 90_000,
    unit: "ms",
    why: "Waiting as long as most answers take, well inside the runtime's own limit.",
  },
  askExpiryMs: {
    value: 86_400_000,
    unit: "ms",
    why: "An unanswered question is stale after a day of the machine being awake.",
  },
  notifyExpiryMs: { value: 86_400_000, unit: "ms", why: "As for asks." },
  broadcastExpiryMs: { value: 3_600_000, unit: "ms", why: "A broadcast is news; after an hour it is noise." },
  permissionExpiryMs: {
    value: 86_400_000,
    unit: "ms",
    why: "A permission request lives as long as its dialog; a day bounds a forgotten one.",
  },
  leaseMs: { value: 30_000, unit: "ms", why: "The time a transport has to say what became of a hand-over." },
  resumeGraceMs: {
    value: 4_000,
    unit: "ms",
    why: "After a link is lost, its hand-overs may still be reported by the same process; other rungs wait this long.",
  },
  idleDeadMs: {
    value: 5_000,
    unit: "ms",
    why: "A push into a session that has been idle this long without any receipt is dead: pushes to idle sessions start a turn within a second (Claude Code 2.1.330).",
  },
  limitedPauseMs: {
    value: 900_000,
    unit: "ms",
    why: "How long a session counts as limited where its runtime does not say until when.",
  },
  pingMs: { value: 15_000, unit: "ms", why: "Both ends of a link ping this often; three missed pings end the link." },
  processCheckMs: {
    value: 1_000,
    unit: "ms",
    why: "How often the daemon looks whether the process of each peer is still alive.",
  },
  spawnDepthMax: {
    value: 3,
    unit: "count",
    why: "Sessions that start sessions: a person's, their helpers, and one more level. Deeper is a runaway.",
  },
  spawnedPerPeerMax: {
    value: 8,
    unit: "count",
    why: "Live sessions below one session; each is a process of some hundred MB and spends its user's tokens.",
  },
  spawnedMax: { value: 32, unit: "count", why: "Live sessions that repowire started on one machine, whoever asked." },
  spawnReadyMs: {
    value: 75_000,
    unit: "ms",
    why: "From the start of a runtime until its session can receive: the slowest (a cold OpenCode without network) takes up to 87 s and then fails clearly; the others some seconds.",
  },
  spawnWaitMs: {
    value: 90_000,
    unit: "ms",
    why: "How long a call of spawn_peer waits for a session or for its approval, as for asks: below the limits of the runtimes' own tool calls.",
  },
  stopGraceMs: {
    value: 5_000,
    unit: "ms",
    why: "Between TERM and KILL: agent CLIs write their transcript and end their tools within a second or two.",
  },
  stopMs: {
    value: 20_000,
    unit: "ms",
    why: "A stop that is not over by then (the daemon was killed in the middle) is no longer shown as one.",
  },
  launchArgsMax: { value: 64, unit: "count", why: "Arguments of one session's command." },
  launchArgCharsMax: {
    value: 4_096,
    unit: "characters",
    why: "One argument of a session's command; a prompt is a message.",
  },
  worktreesMax: {
    value: 64,
    unit: "count",
    why: "Worktrees that repowire made on one machine; each is a whole checkout. Remove those that are merged.",
  },
  worktreeFilesMax: {
    value: 64,
    unit: "count",
    why: "Files that `.repowire.yaml` has copied; more is the set-up command's work.",
  },
  worktreeFileBytesMax: {
    value: 10_485_760,
    unit: "bytes",
    why: "One copied file: settings and small fixtures; what is larger, the set-up command makes or links.",
  },
  worktreeSetupMs: {
    value: 900_000,
    unit: "ms",
    why: "A set-up command that installs and builds takes minutes; one that takes longer than this waits for something.",
  },
  lostShown: {
    value: 20,
    unit: "count",
    why: "Files and commits that are named when removing a worktree would lose them; a terminal's height.",
  },
  screenTailLines: { value: 15, unit: "count", why: "What is shown of the screen of a session that did not start." },
  retentionDays: {
    value: 30,
    unit: "days",
    why: "Bodies are code. Closed messages, events and seats older than this are removed.",
  },
  reconcileMs: {
    value: 15_000,
    unit: "ms",
    why: "How often the ledger is compared with the sessions' own records; each look at a delivery is four times as long after the one before.",
  },
  reconcileGraceMs: {
    value: 30_000,
    unit: "ms",
    why: "How long after a move a delivery is first compared: receipts and transcripts come within seconds.",
  },
  reconcileLooksMax: {
    value: 6,
    unit: "count",
    why: "Looks at one delivery after each of its moves; the last comes an hour and a half later.",
  },
  reconcileBatch: { value: 8, unit: "count", why: "Deliveries compared at one time; each reads a file." },
  reconcileKeptMax: {
    value: 2_000,
    unit: "count",
    why: "Deliveries that wait for a look, in memory; beyond this the oldest are not looked at.",
  },
  reconcileRecordBytesMax: {
    value: 8_388_608,
    unit: "bytes",
    why: "A session's record is read as a whole or not at all; one this long holds everything else up for 50 to 75 ms.",
  },
  mismatchesMax: {
    value: 500,
    unit: "count",
    why: "Mismatches that are kept and counted; the event log has them all.",
  },
  probeMs: { value: 3_000, unit: "ms", why: "A session's side that gives no sign of life for so long is not there." },
  quietMsMax: { value: 604_800_000, unit: "ms", why: "Quiet for longer than a week is a peer that takes no messages." },
  ...NEWS_LIMITS,
  circleGatesMax: { value: 200, unit: "count", why: "Circles with a gate of their own; a person makes each." },
  ...FILE_LIMITS,
  ...LATER_LIMITS,
  hookWaitMs: {
    value: 2_000,
    unit: "ms",
    why: "A hook gives up on the daemon after this and spools its event instead.",
  },
  logFileBytesMax: {
    value: 5_000_000,
    unit: "bytes",
    why: "The daemon's log; when it is full it becomes `daemon.log.1`, and what that held is gone. Days of a busy mesh, quickly searched.",
  },
  logTailBytes: {
    value: 131_072,
    unit: "bytes",
    why: "How much of the log one look at its end reads: some hundred lines, more than a screen holds. What is further back stands in the file.",
  },
  logTailLinesMax: { value: 300, unit: "count", why: "Lines of one look at the log's end." },
  logCursorCharsMax: { value: 64, unit: "characters", why: "A cursor of the log is two numbers." },
  ownTurnsMax: {
    value: 50,
    unit: "count",
    why: "Turns of a session's own record that are shown at once: what a person scrolls through to see what it is doing.",
  },
  ownTurnsReadBytes: {
    value: 1_048_576,
    unit: "bytes",
    why: "How much of the end of a session's record is read for that: results of tools stand between, and reading takes a few milliseconds.",
  },
  ownTurnTextCharsMax: {
    value: 8_000,
    unit: "characters",
    why: "How much of one turn a session's own side sends: four times what is shown, so that it is masked before it is cut.",
  },
  ownTurnsFrameBytesMax: {
    value: 524_288,
    unit: "bytes",
    why: "Turns that a session's own side sends at once: half a frame; older ones are left out.",
  },
  ownTurnMessagesMax: {
    value: 300,
    unit: "count",
    why: "Messages of a runtime's own store that are looked through for them: each step of its model is one, most of them without a word.",
  },
  ownTurnsWaitMs: {
    value: 5_000,
    unit: "ms",
    why: "How long a session's own side may take to read its record: its program has it at hand.",
  },
  ownTurnOptionsMax: { value: 12, unit: "count", why: "Answers to choose from that are shown of one question." },
  sampleMs: {
    value: 15_000,
    unit: "ms",
    why: "How often the daemon notes how busy it is: a burst shows, and an hour is a small list.",
  },
  samplesMax: { value: 240, unit: "count", why: "Such notes that are kept, in memory: an hour of them." },
  logTextCharsMax: {
    value: 8_000,
    unit: "characters",
    why: "One text in a record of the log: a long stack fits; what is longer was never meant for a log.",
  },
  spoolFilesMax: { value: 2_000, unit: "count", why: "Hook events kept on disk while the daemon is down." },
  programBytesMax: {
    value: 300_000_000,
    unit: "bytes",
    why: "What an update downloads: Bun is some 40 MB packed, a program some 4. More is not repowire.",
  },
} as const satisfies Record<string, Limit>;

export type LimitName = keyof typeof LIMIT_TABLE;

/** The limits as plain numbers: `LIMITS.bodyBytesMax`. */
export const LIMITS = Object.fromEntries(Object.entries(LIMIT_TABLE).map(([name, limit]) => [name, limit.value])) as {
  // fromEntries forgets the keys; they are exactly those of the table.
  readonly [Name in LimitName]: number;
};
