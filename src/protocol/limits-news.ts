import type { Limit } from "./limit.ts";

/** Limits of what repowire says by itself: to a person (`on_waiting`), and to sessions (radar, stale answers). */
export const NEWS_LIMITS = {
  notifierSettleMs: {
    value: 3_000,
    unit: "ms",
    why: "What waits on a person is told to `on_waiting` after this: whoever sits at the terminal has decided by then, and what comes together is told together.",
  },
  notifierGapMs: {
    value: 15_000,
    unit: "ms",
    why: "From one run of `on_waiting` to the next: a phone that rings more often is switched off.",
  },
  notifierRunMs: {
    value: 10_000,
    unit: "ms",
    why: "A notifier that runs longer is ended with all that it started; a push over a slow network takes a few seconds.",
  },
  notifierItemsMax: {
    value: 20,
    unit: "count",
    why: "Things told to one run of `on_waiting`, about 8 kB: less than a pipe holds, so a notifier that reads nothing holds nothing up. The rest is a number.",
  },
  notifierTextCharsMax: { value: 200, unit: "characters", why: "One line on a phone's locked screen." },
  filesPerReportMax: {
    value: 50,
    unit: "count",
    why: "Files of one report of a session's tools; a tool call names one, a patch a few. What is beyond is not watched.",
  },
  radarWindowMs: {
    value: 1_800_000,
    unit: "ms",
    why: "Two writes to one file that are further apart do not meet: a turn is over by then, mostly.",
  },
  radarToldMs: { value: 3_600_000, unit: "ms", why: "Two sessions are warned of one file once in this time." },
  radarPairPerHourMax: {
    value: 6,
    unit: "count",
    why: "Warnings between two sessions, over all files: after a few they know, and each costs context in both.",
  },
  radarFilesPerPeerMax: { value: 500, unit: "count", why: "Files remembered for one session, the newest." },
  filesReadMax: {
    value: 200,
    unit: "count",
    why: "Files remembered as read by one session, the newest: more than one answer needs.",
  },
  radarPeersMax: { value: 500, unit: "count", why: "Sessions whose files are remembered, those that wrote last." },
  radarToldMax: { value: 5_000, unit: "count", why: "Warnings remembered: about 1 MB." },
  staleAnswerMs: { value: 86_400_000, unit: "ms", why: "What was answered a day ago is not relied on unchecked." },
  staleLookMs: {
    value: 60_000,
    unit: "ms",
    why: "Answers that are watched are looked at this often, beside the ends of turns: a stat for each file.",
  },
  staleSettleMs: {
    value: 5_000,
    unit: "ms",
    why: "After an answer, or the end of a turn: by then the session's own record is written, and what was changed in one go is there.",
  },
  answerFilesMax: { value: 20, unit: "count", why: "Files that one answer is held to, those read last." },
  watchedAnswersMax: {
    value: 300,
    unit: "count",
    why: "Answers that are watched, the newest: with 20 files each, a look is 6,000 stats, some 20 ms.",
  },
  nightMsMax: {
    value: 604_800_000,
    unit: "ms",
    why: "One report of `repowire morning` is of a week at most: it is read by a person in one go.",
  },
  nightMessagesMax: {
    value: 50_000,
    unit: "count",
    why: "Messages that one report counts: 200 sessions at their pace for a night. Reading them takes some seconds, in pages.",
  },
  nightListedMax: {
    value: 500,
    unit: "count",
    why: "Questions, or permissions, that one report lists, the newest; all are counted, and how many were left out is said.",
  },
  nightTextCharsMax: { value: 1_000, unit: "characters", why: "How much of a question or answer a report shows." },
  nightCommitsMax: {
    value: 200,
    unit: "count",
    why: "Commits of one repository in a report, the newest; that there are more is said.",
  },
  noticesUnreadMax: {
    value: 100,
    unit: "count",
    why: "A mailbox with so much unread takes no news of repowire's own: they would keep out what somebody wrote.",
  },
} as const satisfies Record<string, Limit>;
