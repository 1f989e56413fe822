/** One promise of the product: of the design's invariants, the README, the docs or what a tool's description tells a model. */
export interface Requirement {
  id: string;
  text: string;
  /** Where it is promised. */
  source: string;
}

/**
 * Every promise, once. A test cites the ones that it proves in a line of its own, `// @req ID`; one test fails when a promise is cited
 * by none, or an id does not exist. `docs/guarantees.md` is made from this.
 */
export const REQUIREMENTS: readonly Requirement[] = [
  {
    id: "delivery.stored-before-accepted",
    text: "`accepted` is said only after the commit that holds the message.",
    source: "invariant 1",
  },
  {
    id: "delivery.none-lost",
    text: "The death of any process at any instant loses no accepted message.",
    source: "invariant 1",
  },
  {
    id: "delivery.none-misrouted",
    text: "No message comes to a peer that it is not for.",
    source: "invariant 1",
  },
  {
    id: "delivery.full-disk-said",
    text: "What the disk cannot take is refused as `storage_full`, alone, and nothing of it is said or done.",
    source: "invariant 1; The link",
  },
  {
    id: "delivery.happened-is-recorded",
    text: "What happened outside while the disk was full is recorded once it takes something again, and is not done a second time.",
    source: "invariant 1",
  },
  {
    id: "delivery.written-is-not-read",
    text: "Handed over is `presented` and nothing more.",
    source: "invariant 2",
  },
  {
    id: "delivery.seen-needs-receipt",
    text: "`seen` needs a receipt from the recipient's side: our frame in the main conversation with model output after it, or a call that cites the handle.",
    source: "invariant 2",
  },
  {
    id: "delivery.subagents-prove-nothing",
    text: "A call that may come from a subagent answers, but proves nothing about the main conversation and takes no mail.",
    source: "invariant 2",
  },
  {
    id: "answers.by-id",
    text: "Answers match by id, never by order.",
    source: "invariant 3",
  },
  {
    id: "answers.handle-of-recipient",
    text: "A handle is valid for its recipient only; for anybody else it does not exist.",
    source: "invariant 3",
  },
  {
    id: "identity.process",
    text: "A seat belongs to one running process: a pid that was given to another is not the same.",
    source: "invariant 4",
  },
  {
    id: "identity.role-from-credential",
    text: "Role and trust come from the credential, whatever the text says.",
    source: "invariant 4",
  },
  {
    id: "truth.one-store",
    text: "All durable state is in one database; a daemon that starts finds everything as it was left.",
    source: "invariant 5",
  },
  {
    id: "truth.live-undone",
    text: "A commit that fails leaves no trace outside the store either.",
    source: "invariant 5",
  },
  {
    id: "asks.live-without-wait",
    text: "An ask exists without anybody waiting; a late answer still arrives, by itself.",
    source: "invariant 6; tool ask_peer",
  },
  {
    id: "waits.no-loop",
    text: "No wait closes a loop.",
    source: "invariant 7",
  },
  {
    id: "waits.ask-back",
    text: "A question back to a waiting asker returns as the result of its call.",
    source: "invariant 7; Ask back",
  },
  {
    id: "waits.end",
    text: "Every call comes back: with an answer, with the truth of its time, or with a refusal.",
    source: "invariant 6",
  },
  {
    id: "harm.user-text",
    text: "Text of a turn that the user began or joined is never taken as an answer.",
    source: "invariant 8; The ladder",
  },
  {
    id: "harm.busy-session",
    text: "A busy session gets only what is urgent, through a route that serves a busy one.",
    source: "invariant 8; Urgency",
  },
  {
    id: "harm.no-dialog",
    text: "Nothing is allowed by default or by time; the first verdict wins and late ones are told so.",
    source: "invariant 8; Approvals",
  },
  {
    id: "harm.one-question",
    text: "At most one unanswered question is in flight to a session.",
    source: "The ladder",
  },
  {
    id: "limits.all-hold",
    text: "Everything has a limit, and reaching it is a clear error to the sender.",
    source: "invariant 9",
  },
  {
    id: "limits.nothing-cut-silently",
    text: "A long text says how much there is, and inbox(id) continues it without a gap.",
    source: "invariant 9; tool inbox",
  },
  {
    id: "limits.attempts",
    text: "After the last attempt a delivery is declared dead, and whoever waits hears of it.",
    source: "invariant 9",
  },
  {
    id: "presence.lost-link",
    text: "A lost link lowers the rung, not the presence.",
    source: "invariant 10",
  },
  {
    id: "presence.process-gone",
    text: "When the process of a session is gone, its seat is offline, its mail is kept and whoever waits for it hears that at once.",
    source: "invariant 10",
  },
  {
    id: "daemon.replaceable",
    text: "The daemon may be replaced at any moment: links come back, open calls are asked again, nothing is lost.",
    source: "invariant 11",
  },
  {
    id: "daemon.resume",
    text: "A session that comes back gets what it had not received, and is not sent again what it had.",
    source: "invariant 11; The link",
  },
  {
    id: "private.files",
    text: "The database and its log are private to their user.",
    source: "invariant 12",
  },
  {
    id: "private.purged",
    text: "Nothing of a purged body stays in the file, nor of its words in the index.",
    source: "Files",
  },
  {
    id: "find.never-missed",
    text: "A search finds every stored message that fits, from the instant it was accepted, in the index or not.",
    source: "command search",
  },
  {
    id: "find.own-only",
    text: "Whoever is no person finds and reads only what it sent or received.",
    source: "Security: other peers' inboxes",
  },
  {
    id: "find.no-syntax",
    text: "What is searched for is words and quoted phrases, never a query language: whatever is typed finds messages or is refused with a sentence.",
    source: "command search",
  },
  {
    id: "private.log",
    text: "The event log never holds a body.",
    source: "Security",
  },
  {
    id: "private.repository",
    text: "A repository's bunfig and .env run nothing in us.",
    source: "Security",
  },
  {
    id: "quiet.fyi",
    text: "fyi never starts a turn: it rides with the next message that does.",
    source: "invariant 13; tool notify_peer",
  },
  {
    id: "quiet.permissions",
    text: "Permission requests of people are never pushed into a model's context.",
    source: "invariant 13",
  },
  {
    id: "order.first-presentation",
    text: "First presentations follow acceptance order, for each sender and urgency; behind a question that has to wait, so does the rest.",
    source: "Order",
  },
  {
    id: "moves.legal",
    text: "Deliveries and questions move only as the tables of legal moves say.",
    source: "The domain",
  },
  {
    id: "repeats.never-provable",
    text: "The same attempt is never presented twice, and a repeat that may be a second copy is counted.",
    source: "The ladder",
  },
  {
    id: "repeats.keep-handle",
    text: "A repeat carries the same handle and the next attempt.",
    source: "The ladder",
  },
  {
    id: "repeats.dead-only",
    text: "Only a push that is provably dead goes one rung down: the session was idle long enough without a receipt.",
    source: "The ladder",
  },
  {
    id: "repeats.requests",
    text: "A request that is sent again with its own id is stored once.",
    source: "The link; tool ask_peer",
  },
  {
    id: "conversation.shown-again",
    text: "A question that only a replaced or compacted conversation had seen is presented again.",
    source: "The domain",
  },
  {
    id: "conversation.no-blind-repeat",
    text: "What may have come into the new conversation already is not repeated at once: receipts, or their absence, tell.",
    source: "The domain",
  },
  {
    id: "seats.sticky",
    text: "A folder's lowest free seat, its name and its mailbox go to the next session there.",
    source: "The domain",
  },
  {
    id: "seats.resume",
    text: "A resumed conversation takes back its own seat; a second live claim is a new peer.",
    source: "The domain",
  },
  {
    id: "addresses.refused-with-candidates",
    text: "An unknown or ambiguous name is refused with the candidates.",
    source: "The domain",
  },
  {
    id: "circles.from",
    text: "A session's circle comes from the flag, else the environment, else the repository's file, else whoever started it.",
    source: "The domain: circle",
  },
  {
    id: "circles.moved-by-people",
    text: "Only a person moves a peer into another circle.",
    source: "Operations",
  },
  {
    id: "circles.orchestrator-by-people",
    text: "Only a person appoints an orchestrator, and only the session that runs: the next one in its seat is an agent.",
    source: "People: what a human is",
  },
  {
    id: "orchestrator.init",
    text: "An orchestrator's working folder is written by each runtime's convention, and nothing of a person's in it is changed.",
    source: "docs/orchestrator.md",
  },
  {
    id: "circles.own",
    text: "An agent finds nobody in another circle, by whatever address.",
    source: "The domain",
  },
  {
    id: "gate.all-rungs",
    text: "The gate keeps mail back on all rungs but pull, and tells the sender why and how to lift it.",
    source: "Receiver gate",
  },
  {
    id: "gate.by-person",
    text: "A person sees every held message with its reason, and lets one through or sends it back with a reason; nobody else does.",
    source: "docs/gate.md",
  },
  {
    id: "gate.quiet",
    text: "`repowire quiet` holds what comes for a peer for a while and hands it over afterwards by itself; answers to its own questions come through.",
    source: "docs/gate.md",
  },
  {
    id: "gate.by-circle",
    text: "A circle's gate is for all in it who have no policy of their own, and for whoever comes later.",
    source: "docs/gate.md",
  },
  {
    id: "gate.no-prompts",
    text: "Sessions without permission prompts are on hold until their user says otherwise.",
    source: "Receiver gate",
  },
  {
    id: "attachment.by-id",
    text: "A file travels by id and hash; the daemon opens no path that a peer names.",
    source: "docs/attachments.md",
  },
  {
    id: "attachment.readers",
    text: "A file is read by whoever brought it, the recipients of its messages, and people; for others it is not there.",
    source: "docs/attachments.md",
  },
  {
    id: "attachment.whole",
    text: "A message names only files that are here whole and durable; what breaks on the way leaves nothing.",
    source: "docs/attachments.md",
  },
  {
    id: "attachment.inside",
    text: "A session's tools attach only files that really lie in its own checkout.",
    source: "docs/attachments.md",
  },
  {
    id: "attachment.never-dropped",
    text: "The same words with another file are another question, and no repetition of a reply: no file is dropped without a word.",
    source: "docs/attachments.md",
  },
  {
    id: "attachment.facts",
    text: "What a recipient reads of a file is written by repowire; no text of a peer can hold such a line.",
    source: "docs/attachments.md",
  },
  {
    id: "attachment.name",
    text: "A file's name is one short line of signs that no frame, terminal or shell acts on, neither hidden nor an option.",
    source: "docs/attachments.md",
  },
  {
    id: "attachment.hash",
    text: "A file that is not what its sender said it must be is not kept for any message.",
    source: "docs/attachments.md",
  },
  {
    id: "attachment.forced-download",
    text: "Over HTTP a file is saved, never shown, guessed or run, whatever it is called.",
    source: "docs/attachments.md",
  },
  {
    id: "attachment.limits",
    text: "Size, count and sum of files are limited, for one peer and for all; what is too much is refused and leaves nothing.",
    source: "docs/attachments.md",
  },
  {
    id: "attachment.full-disk",
    text: "A full disk refuses a file before the database needs the room, says so, and loses nothing else.",
    source: "docs/attachments.md",
  },
  {
    id: "attachment.retention",
    text: "A file goes with the last of its messages, and one that went with none after an hour.",
    source: "docs/attachments.md",
  },
  {
    id: "cli.alone",
    text: "`repowire` alone shows the mesh, what waits on its caller with the commands that decide it, and the next step, on one screen.",
    source: "README",
  },
  {
    id: "cli.json",
    text: "Every command that shows facts prints them as JSON and nothing else with `--json`, refusals too, and ends with the exit code of the error table.",
    source: "README",
  },
  {
    id: "cli.help",
    text: "The help is one screen with examples; a line with a typo is told what was meant, and exit code 2.",
    source: "README",
  },
  {
    id: "cli.top",
    text: "`repowire top` follows the mesh, heals when the daemon comes back, and gives the terminal back however it ends.",
    source: "README",
  },
  {
    id: "cli.morning",
    text: "`repowire morning` counts a night from the record, over restarts, as one page that asks nobody for anything.",
    source: "README",
  },
  {
    id: "schedule.once",
    text: "A scheduled message is sent once for each of its times, whatever dies in between.",
    source: "docs/schedules.md",
  },
  {
    id: "schedule.missed",
    text: "A time that passed while no daemon ran brings one message late, or none and a note about it, as was chosen.",
    source: "docs/schedules.md",
  },
  {
    id: "schedule.refusal-told",
    text: "Whoever made a scheduled message is told when it could not be sent.",
    source: "docs/schedules.md",
  },
  {
    id: "schedule.guarded",
    text: "A scheduled message counts for the loop guard, in the chain in which it was made.",
    source: "docs/schedules.md",
  },
  {
    id: "schedule.own-only",
    text: "An agent sees and removes only the scheduled messages that it made.",
    source: "docs/schedules.md",
  },
  {
    id: "watch.told-once",
    text: "Who waits for a peer to be idle, to wait for its human or to end is told once, also that it ended before.",
    source: "docs/schedules.md",
  },
  {
    id: "watch.survives-restart",
    text: "Who waits for a peer is told though the daemon was restarted, or the peer's seat taken again, in between.",
    source: "docs/schedules.md",
  },
  {
    id: "schedule.failed-shown",
    text: "A scheduled message that came to nothing stays in the list with the reason.",
    source: "docs/schedules.md",
  },
  {
    id: "schedule.no-flood",
    text: "What was missed comes at a pace, and a repeated message that was missed comes once.",
    source: "docs/schedules.md",
  },
  {
    id: "guard.budgets",
    text: "Agents that write to each other more than their budget allows are paused, whatever befalls the daemon.",
    source: "Loop guard",
  },
  {
    id: "guard.depth",
    text: "A chain of messages that cause messages ends at its depth, unless a person writes in between.",
    source: "Loop guard",
  },
  {
    id: "guard.fair-share",
    text: "Where a circle's budget is used up, the one that used most of it is paused, and not the others.",
    source: "Loop guard",
  },
  {
    id: "guard.told",
    text: "Who is paused reads why and what helps with every try; people hear of it once.",
    source: "Loop guard",
  },
  {
    id: "guard.people-lift",
    text: "Only a person lifts a pause.",
    source: "Loop guard",
  },
  {
    id: "guard.people-free",
    text: "What people write is neither counted nor paused.",
    source: "Loop guard",
  },
  {
    id: "guard.restart",
    text: "Pauses outlive the daemon, and what was sent just before its restart still counts.",
    source: "Loop guard",
  },
  {
    id: "captured.sole-input",
    text: "The last text of a turn answers a question only when that was the turn's sole input and nothing else is open.",
    source: "Captured",
  },
  {
    id: "captured.provisional",
    text: "A reply takes the place of a captured answer, once.",
    source: "Captured",
  },
  {
    id: "overlooked.told",
    text: "A question that was seen and not answered is told to its asker, and the model is reminded once, by id.",
    source: "Captured",
  },
  {
    id: "failures.told",
    text: "An interruption, a model error and a usage limit are told to the asker at once, in those words.",
    source: "The ladder",
  },
  {
    id: "failures.limited-waits",
    text: "A push into a limited session would be used up: it waits for the reset.",
    source: "The ladder",
  },
  {
    id: "time.sleep",
    text: "Deadlines do not run while the machine sleeps.",
    source: "Clock",
  },
  {
    id: "tools.pending",
    text: "ask_peer returns the answer, or pending with what is proven at that instant, no more.",
    source: "tool ask_peer",
  },
  {
    id: "tools.state-reached",
    text: "notify_peer returns the state that was reached, not that it was sent.",
    source: "tool notify_peer",
  },
  {
    id: "tools.reply-repeat",
    text: "Repeating a reply is harmless; a different second one is refused with the first shown.",
    source: "tool reply",
  },
  {
    id: "tools.decline",
    text: "A decline is an outcome of its own, with its reason; progress reaches the waiting call at once.",
    source: "tool reply",
  },
  {
    id: "tools.ask-several",
    text: "ask_peer with several names asks each by an ask of its own and returns one roll-up: who answered what, who has not yet and why, who was not asked.",
    source: "tool ask_peer",
  },
  {
    id: "tools.broadcast",
    text: "A broadcast reaches all online agents of the circle but its sender, and starts no turn.",
    source: "tool broadcast",
  },
  {
    id: "tools.whoami",
    text: "whoami with an id says who really sent a message, with the role of then.",
    source: "tool whoami",
  },
  {
    id: "tools.list",
    text: "list_peers shows the own circle, what each does and how much it has unread.",
    source: "tool list_peers",
  },
  {
    id: "tools.describe",
    text: "set_description is one line with its age.",
    source: "tool set_description",
  },
  {
    id: "tools.withdraw",
    text: "A question that nobody has yet is withdrawn without a trace; else its answer comes as fyi.",
    source: "tool inbox; Ask back",
  },
  {
    id: "people.rights",
    text: "Approve, gate and rename need a person's own credential; an agent cannot even see what is pending.",
    source: "People",
  },
  {
    id: "people.logged",
    text: "Each use of a person's right is logged with its processes.",
    source: "People",
  },
  {
    id: "setup.undone",
    text: "Uninstall takes exactly setup's edits back, byte for byte where nobody else wrote.",
    source: "README; Files",
  },
  {
    id: "setup.tools-by-name",
    text: "Setup allows tools by name, and none that starts, ends or approves anything.",
    source: "People",
  },
  {
    id: "discover.without-setup",
    text: "Sessions that already run are found and asked before any setup.",
    source: "README",
  },
  {
    id: "trace.every-step",
    text: "A trace shows every step of a question and of its answer, with its time and its proof.",
    source: "README",
  },
  {
    id: "store.newer-refused",
    text: "A database of a newer program is refused with a sentence, and not touched.",
    source: "Files",
  },
  {
    id: "store.damaged-aside",
    text: "A damaged database is moved aside whole and said, never overwritten.",
    source: "Files",
  },
  {
    id: "spawn.returns-when-it-can-receive",
    text: "A start returns when the session has joined and messages reach it.",
    source: "Operations: spawn",
  },
  {
    id: "spawn.prompt-is-a-message",
    text: "The first prompt of a started session is a tracked message, stored with its seat.",
    source: "Operations: spawn",
  },
  {
    id: "spawn.fails-with-its-screen",
    text: "A session that does not come up is ended, leaves no seat, and its start fails with the reason and the tail of its screen.",
    source: "Operations: spawn",
  },
  {
    id: "spawn.here",
    text: "`repowire RUNTIME ARGS` starts that runtime in this folder with exactly those arguments, and its pane can be opened by a person.",
    source: "Operations: spawn",
  },
  {
    id: "spawn.no-dialog-answered",
    text: "A dialog of a starting session is never answered; the start fails with what the person has to do.",
    source: "invariant 8",
  },
  {
    id: "spawn.own-circle",
    text: "An agent starts sessions in its own circle only.",
    source: "Operations: spawn",
  },
  {
    id: "spawn.allowlist",
    text: "What is not on the user's lists, by the folder's real path, is started only when a person has allowed it.",
    source: "Security: path tricks in spawn",
  },
  {
    id: "spawn.kill-own-only",
    text: "An agent ends only sessions that it started, or that those started; orchestrators and people end any.",
    source: "Operations: kill",
  },
  {
    id: "spawn.kill-proven",
    text: "Ending a session ends its very process with what it started, fails the open questions to it, and says what ended.",
    source: "Operations: kill",
  },
  {
    id: "spawn.death-is-told",
    text: "Whoever started a session is told when it ends by itself.",
    source: "Operations: spawn",
  },
  {
    id: "restart.keeps-seat",
    text: "A session that is restarted or resumed keeps its seat, mailbox, open questions and launch, and continues its conversation where its runtime has it; where not, that is said.",
    source: "docs/spawning.md",
  },
  {
    id: "restart.said",
    text: "While a session is restarted, senders read so, and who waits for its answer goes on waiting.",
    source: "docs/spawning.md",
  },
  {
    id: "restart.ends-aloud",
    text: "A restart ends within its time: the session is back, or the caller has the reason and the tail of its screen, and who waits for it hears it.",
    source: "docs/spawning.md",
  },
  {
    id: "restart.rights",
    text: "Who may end a session may restart it; one that has ended is judged by the user's lists like any start.",
    source: "docs/spawning.md",
  },
  {
    id: "restart.once",
    text: "A restart repeats nothing that its first start was for: no prompt, no choice of another conversation; an id that is none never becomes an argument.",
    source: "Security: path tricks in spawn",
  },
  {
    id: "worktree.beside",
    text: "A session on a branch of its own gets a worktree beside the repository and is named after it; one that works there already is not doubled.",
    source: "docs/spawning.md",
  },
  {
    id: "worktree.trust",
    text: "What a repository wants done in its worktrees is done only as a person has trusted it; when it changes, they are asked again.",
    source: "Security: path tricks in worktrees",
  },
  {
    id: "worktree.keeps-work",
    text: "A worktree with work that is nowhere else is removed only when a person says so, who is shown what would be lost.",
    source: "docs/spawning.md",
  },
  {
    id: "observe.metrics",
    text: "`/metrics` counts what was committed and refused, and opens to the token only.",
    source: "docs/observability.md",
  },
  {
    id: "observe.metrics-bounded",
    text: "Metrics name no peer and carry no text of anybody: their labels have few values, all of them repowire's own.",
    source: "docs/observability.md",
  },
  {
    id: "private.log-redacted",
    text: "What looks like a secret is masked in every record of the log, wherever in the record it stands.",
    source: "Security; docs/observability.md",
  },
  {
    id: "private.log-bounded",
    text: "The log has a limit on disk, and so has each of its records.",
    source: "docs/observability.md",
  },
  {
    id: "observe.trace",
    text: "A question is one OpenTelemetry trace from its asker over the daemon to its recipient and back, each step under its cause.",
    source: "docs/observability.md",
  },
  {
    id: "observe.trace-only-if-asked",
    text: "Traces are made and sent only where the user named a collector; a dead collector costs spans, never a message.",
    source: "docs/observability.md; invariant 12",
  },
  {
    id: "protocol.openapi",
    text: "`/openapi.json` is a valid OpenAPI document with every address that the daemon serves.",
    source: "docs/protocol.md",
  },
  {
    id: "doctor.tries-for-real",
    text: "`repowire doctor` tries the parts instead of trusting what is recorded of them: it starts the daemon, reads the database, asks every live session for a sign of life.",
    source: "docs/observability.md",
  },
  {
    id: "doctor.next-step",
    text: "Each finding of `repowire doctor` that is not well has exactly one next step; its exit code is 1 when anything is broken.",
    source: "docs/observability.md",
  },
  {
    id: "doctor.fix-is-safe",
    text: "`repowire doctor` changes nothing without `--fix`, and with it only what harms nothing.",
    source: "docs/observability.md",
  },
  {
    id: "truth.mismatch-told",
    text: "Where the record of a delivery differs from what its recipient's session shows, that is an event of the message, counted by `/health` and shown by `repowire status`; a receipt that was missed is made up for.",
    source: "docs/observability.md",
  },
  {
    id: "truth.only-certain",
    text: "A session's record that is gone, cut, rewritten or of another conversation proves nothing about a delivery.",
    source: "docs/observability.md",
  },
  {
    id: "export.people-only",
    text: "Only a person exports a run; the file is private and holds no credential.",
    source: "docs/export.md",
  },
  {
    id: "replay.same-end",
    text: "An exported run, replayed, takes the same way to the same end.",
    source: "docs/export.md",
  },
  {
    id: "replay.differences-said",
    text: "Where a replay decides otherwise than what is recorded, it says so, with exit code 1.",
    source: "docs/export.md",
  },
  {
    id: "dashboard.login-human",
    text: "A link that logs a browser in is made for a person at a terminal of their own, or in a browser that is logged in; for no agent and no script.",
    source: "People; docs/dashboard.md",
  },
  {
    id: "dashboard.login-once",
    text: "A login link works once, and for five minutes.",
    source: "People; docs/dashboard.md",
  },
  {
    id: "dashboard.rights-by-login",
    text: "A browser has a person's rights by its login alone: a cookie that no script can read, and a secret of the page.",
    source: "People; docs/dashboard.md",
  },
  {
    id: "dashboard.cookie-alone",
    text: "What another server on this machine gets of a login, its cookie, opens nothing.",
    source: "docs/dashboard.md",
  },
  {
    id: "dashboard.secrets-kept",
    text: "Neither a login nor a link's code stands in any file or log of the daemon.",
    source: "docs/dashboard.md",
  },
  {
    id: "dashboard.policy",
    text: "The page runs its own files only, asks no other host for anything, and stands in no frame.",
    source: "docs/dashboard.md",
  },
  {
    id: "dashboard.resume",
    text: "A browser that was cut off goes on behind the last event it saw, with the same login, also over a restart of the daemon.",
    source: "docs/dashboard.md; invariant 11",
  },
  {
    id: "dashboard.link-logs-in",
    text: "The page logs in by its link and keeps no code in its address; a used link says what to do.",
    source: "docs/dashboard.md",
  },
  {
    id: "dashboard.mesh",
    text: "The page shows each peer with presence, folder, task and rung, and a change as it happens.",
    source: "docs/dashboard.md",
  },
  {
    id: "dashboard.states-as-proven",
    text: "The page shows of each message exactly what is proven, as it becomes proven, with the trace a press away.",
    source: "docs/dashboard.md",
  },
  {
    id: "dashboard.refused-shown",
    text: "What the daemon refuses is shown as refused with its reason; nothing is shown as done before the daemon has said so.",
    source: "docs/dashboard.md",
  },
  {
    id: "dashboard.drafts",
    text: "A draft outlives live updates and reloads.",
    source: "docs/dashboard.md",
  },
  {
    id: "dashboard.decide",
    text: "A permission request is decided on one page and seen as decided on every other; nothing is chosen beforehand.",
    source: "docs/dashboard.md",
  },
  {
    id: "dashboard.held",
    text: "Each held message stands on the page with sender, recipient, reason and text; it is let through or sent back there, the first verdict counts, and whoever comes second reads what became of it.",
    source: "docs/dashboard.md",
  },
  {
    id: "dashboard.mismatches",
    text: "Each delivery whose session's own record shows something else stands under Health: what the ledger said and since when, what the record shows, when it was found, and the way to its trace.",
    source: "docs/dashboard.md; docs/observability.md",
  },
  {
    id: "dashboard.find-kept",
    text: "A search is narrowed by peer, sender, kind and days; its address holds all of it, and leads to the same search again.",
    source: "docs/dashboard.md",
  },
  {
    id: "dashboard.save",
    text: "A thread is saved as Markdown and a run as one file that replays, with or without what was said.",
    source: "docs/dashboard.md; docs/export.md",
  },
  {
    id: "dashboard.findings",
    text: "Health shows what the daemon itself can try, each part with how it is, and one next step where it is not well.",
    source: "docs/dashboard.md",
  },
  {
    id: "dashboard.samples",
    text: "Health shows how busy the daemon was in the last hour, as charts that also say it in words.",
    source: "docs/dashboard.md",
  },
  {
    id: "dashboard.log",
    text: "The daemon's own log is followed on the page by people only: masked, bounded, without a gap that is not said.",
    source: "docs/dashboard.md",
  },
  {
    id: "dashboard.ask-several",
    text: "One question goes from the page to several that a person chose, nobody beforehand; how each stands, and who was not asked and why, is shown.",
    source: "docs/dashboard.md",
  },
  {
    id: "dashboard.later",
    text: "Messages for later are planned, seen and taken back on the page.",
    source: "docs/dashboard.md",
  },
  {
    id: "dashboard.attachments",
    text: "A file that came with a message is saved from the page as it was sent, and never shown by it.",
    source: "docs/dashboard.md",
  },
  {
    id: "dashboard.attach",
    text: "A file that is chosen, dropped or pasted on the page goes with the message as it is; one that is refused says why, and nothing is sent without it.",
    source: "docs/dashboard.md",
  },
  {
    id: "dashboard.worktrees",
    text: "A worktree is removed on the page only after what would be lost stood there by name and was ticked; what came later is not lost with it.",
    source: "docs/dashboard.md",
  },
  {
    id: "dashboard.replay",
    text: "A span of the log is gone through with a slider, by keyboard too: who was how and what was under way at each event, from the log alone; what it does not tell is shown as not known, and a span that is too long is cut with a word.",
    source: "docs/dashboard.md",
  },
  {
    id: "dashboard.own-turns",
    text: "What a session's user and its model said there is shown to people only, from that session's own record and marked as that: masked, bounded, without what came from the mesh; of a question with options, the options.",
    source: "docs/dashboard.md",
  },
  {
    id: "dashboard.answer",
    text: "A question to the person is answered on the page.",
    source: "docs/dashboard.md",
  },
  {
    id: "dashboard.heals",
    text: "A lost daemon is shown as lost; the page heals without a reload and misses nothing.",
    source: "docs/dashboard.md",
  },
  {
    id: "dashboard.keyboard",
    text: "Everything on the page goes by keyboard.",
    source: "docs/dashboard.md",
  },
  {
    id: "dashboard.hostile-text",
    text: "Nothing that a peer writes does anything in the page: no markup, no image, no address but http, https and mail, each with its host.",
    source: "docs/dashboard.md",
  },
  {
    id: "dashboard.accessible",
    text: "The page has no serious finding of axe, in both themes, on phone and desk.",
    source: "docs/dashboard.md",
  },
  {
    id: "dashboard.budget",
    text: "The page's files are at most 150 kB compressed; with 100,000 messages it scrolls within 8 ms a frame in a document of one size, and shows an event within 50 ms (median).",
    source: "docs/dashboard.md",
  },
  {
    id: "dashboard.first-run",
    text: "An empty mesh shows how to begin, and becomes the live page with its first peer.",
    source: "docs/dashboard.md",
  },
  {
    id: "dashboard.public-origin",
    text: "Under `dashboard.public_origin` only a logged-in browser comes in; without it no other host is answered.",
    source: "docs/dashboard.md",
  },
  {
    id: "dashboard.act",
    text: "The page renames, moves, appoints, keeps quiet, ends, tells all and resumes through the daemon alone: asked about first where it cannot be undone, its cost said first where it costs, shown as done when it is.",
    source: "docs/dashboard.md",
  },
  {
    id: "dashboard.offline",
    text: "The page opens while the daemon is down and says so; what it keeps for that is its own files, nothing that was said.",
    source: "docs/dashboard.md",
  },
  {
    id: "dashboard.no-growth",
    text: "A page that is left open does not grow.",
    source: "docs/dashboard.md",
  },
  {
    id: "dashboard.spawn-listed",
    text: "A browser starts sessions only in folders, and as runtimes or profiles, that config.yaml lists.",
    source: "docs/dashboard.md",
  },
  {
    id: "notifier.what-waits",
    text: "`on_waiting` is for what only a person can decide: permissions, a session's own dialog, questions to the person, held messages, pauses, mismatches; and only as long as it waits.",
    source: "docs/setup.md",
  },
  {
    id: "notifier.runs",
    text: "`on_waiting` runs the user's program without a shell, with cleaned facts in its environment and on stdin, and with nothing else of the daemon's environment.",
    source: "docs/setup.md",
  },
  {
    id: "notifier.quiet",
    text: "What is decided within seconds rings nobody; what comes together is told together, seldom, and not again after a restart.",
    source: "docs/setup.md",
  },
  {
    id: "notifier.bounded",
    text: "A notifier that does not end is ended with everything that it started.",
    source: "docs/setup.md",
  },
  {
    id: "notifier.failures",
    text: "A notifier that is missing or fails is said once in the log and shown by `doctor`; the next thing that waits is told to it all the same.",
    source: "docs/setup.md",
  },
  {
    id: "radar.warns-both",
    text: "Two live sessions of one checkout that write the same file hear of it, each once an hour: the second before it writes, where its runtime allows.",
    source: "docs/radar.md",
  },
  {
    id: "radar.quiet",
    text: "Nobody hears of writes that meet nobody: other files, other circles, other worktrees, long ago, or by a session that has ended.",
    source: "docs/radar.md",
  },
  {
    id: "radar.own-checkout",
    text: "A report counts only for files in the checkout of whoever reports, by their real paths; nothing of them is opened.",
    source: "docs/radar.md",
  },
  {
    id: "radar.no-storm",
    text: "Reports, true or not, make few warnings between two sessions in an hour, and fill no memory.",
    source: "docs/radar.md",
  },
  {
    id: "radar.hook-is-cheap",
    text: "Where no other session shares the checkout, the hook before a write ends in the shell.",
    source: "docs/radar.md",
  },
  {
    id: "radar.off",
    text: "`radar: false` in config.yaml turns it off: nothing is watched, and no hook started for it.",
    source: "docs/radar.md",
  },
  {
    id: "stale.files-decide",
    text: "An answer is stale when a file that it was read from has changed since; another commit counts only where no such file is known.",
    source: "docs/radar.md",
  },
  {
    id: "stale.once",
    text: "A session hears once that an answer it still has in its conversation went stale, within a day, and what changed.",
    source: "docs/radar.md",
  },
  {
    id: "stale.no-process",
    text: "Answers are checked by file times and git's own files: no watcher, no process, nothing of a repository run.",
    source: "docs/radar.md",
  },
  {
    id: "cli.completion",
    text: "A Tab completes commands, options, runtimes and the names of peers; it starts no daemon, and offers no name that a shell would read as more than a word.",
    source: "README.md",
  },
  {
    id: "program.binary-whole",
    text: "The single binary is all of repowire: setup, daemon, channel, tools server, hooks, plugins and dashboard need nothing beside it.",
    source: "docs/setup.md",
  },
  {
    id: "program.binary-isolated",
    text: "The single binary reads neither the bunfig.toml nor the .env of the folder that it is started in.",
    source: "docs/setup.md",
  },
  {
    id: "update.unnoticed",
    text: "An update under running sessions loses and doubles no message; a call that waits gets its answer, and what runs keeps its own version.",
    source: "docs/setup.md",
  },
  {
    id: "update.atomic",
    text: "An update that is killed at any moment leaves the old or the new version, whole and at work, and the next one goes through.",
    source: "docs/setup.md",
  },
  {
    id: "update.goes-back",
    text: "A version that fails its trial is not made current; one that does not work in its home is taken back, with the database as it was, and that is said.",
    source: "docs/setup.md",
  },
  {
    id: "update.checked",
    text: "What comes from a registry is installed only if its sha512 is the announced one.",
    source: "docs/setup.md",
  },
  {
    id: "update.refreshes",
    text: "An update brings what setup installed to the new version, and allows no tool that was not allowed.",
    source: "docs/setup.md",
  },
  {
    id: "service.install",
    text: "`service install` has the daemon kept by systemd or launchd with the PATH of that moment, and proves that it answers; `service uninstall`, and `uninstall`, remove exactly what was written.",
    source: "docs/service.md",
  },
  {
    id: "service.one-daemon",
    text: "The service and the start on demand never make two daemons: the second one ends quietly and is not started again.",
    source: "docs/service.md",
  },
  {
    id: "service.without",
    text: "Where no manager of services is, that is said with what works all the same, and nothing is written.",
    source: "docs/service.md",
  },
];
