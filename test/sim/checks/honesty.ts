import { key } from "../world/truth.ts";
import { type Check, short } from "./check.ts";

// @req delivery.stored-before-accepted
/** What a caller was told is stored, whatever died afterwards. */
export const stored: Check = {
  promise: "nothing said before it was stored",
  end({ truth, disk }) {
    for (const call of truth.calls) {
      if (!call.settled?.ok || call.what === "inbox") continue;
      const message = call.settled.outcome?.message ?? call.message;
      const isProgress = call.what === "reply" && call.text === "half way";
      disk.look((tx) => {
        if (isProgress || !message) return;
        // A reply that repeats an earlier one is told so and stores nothing new.
        const ask = call.question && tx.asks.get(call.question);
        const repeats = ask ? tx.messages.get(ask.answer ?? "")?.body === call.text : false;
        if (!tx.messages.get(message) && !repeats)
          truth.violate(this.promise, `${call.what} ${short(message)} was accepted and is not stored`);
      });
    }
  },
};

// @req delivery.written-is-not-read
// @req delivery.seen-needs-receipt
/** Neither more nor less is claimed than what happened in the session. */
export const claims: Check = {
  promise: "written is not read, and neither is claimed falsely",
  end({ truth }, { deliveries, events, messages }) {
    const landed = new Set(truth.landings.map((landing) => key(landing.message, landing.peer)));
    const cited = new Set(
      truth.calls.flatMap((call) => (call.what === "reply" && call.question ? key(call.question, call.caller) : [])),
    );
    const answered = new Set(
      [...messages.values()].flatMap((message) => (message.in_reply_to ? key(message.in_reply_to, message.from) : [])),
    );
    for (const event of events) {
      if (event.message === undefined || event.peer === undefined) continue;
      const at = key(event.message, event.peer);
      const hasLanded = landed.has(at);
      if (event.type === "delivery.presented" && !hasLanded)
        truth.violate(this.promise, `${short(event.message)} is said to be presented and never was`);
      const isRead = truth.read.has(at) || cited.has(at) || (event.data.by === "turn" && answered.has(at));
      if (event.type === "delivery.seen" && !isRead)
        truth.violate(this.promise, `${short(event.message)} is said to be seen (${event.data.by}) and never was`);
    }
    for (const delivery of deliveries) {
      const at = key(delivery.message, delivery.peer);
      if (delivery.state === "presented" && !landed.has(at))
        truth.violate(this.promise, `${short(delivery.message)} stands as presented and never was`);
    }
  },
};

// @req answers.by-id
/** An answer is for the question that it answers, and was given by the one who was asked. */
export const answers: Check = {
  promise: "answers matched by id",
  end({ truth, disk }, { messages }) {
    const given = Map.groupBy(
      truth.calls.filter((call) => call.what === "reply"),
      (call) => call.text,
    );
    const turns = new Map(truth.turns.map((turn) => [turn.text, turn]));
    for (const message of messages.values()) {
      const question = message.kind === "answer" ? message.in_reply_to : undefined;
      if (!question) continue;
      const ask = disk.look((tx) => tx.asks.get(question));
      const named = / re (msg_\S+?)(?: again)?$/.exec(message.body)?.[1];
      if (named !== undefined && named !== question)
        truth.violate(this.promise, `"${message.body}" closed ${short(question)}`);
      if (message.to !== ask?.asker || message.from !== ask.askee)
        truth.violate(this.promise, `the answer to ${short(question)} goes from or to somebody else`);
      const replied = given.get(message.body);
      const isOwn = replied?.some((call) => call.question === question && call.caller === ask?.askee);
      if (replied && !isOwn) truth.violate(this.promise, `"${message.body}" was not given for ${short(question)}`);
      const turn = turns.get(message.body);
      if (turn && turn.peer !== ask?.askee) truth.violate(this.promise, `"${message.body}" is another session's text`);
    }
    for (const call of truth.calls) {
      const outcome = call.settled?.outcome;
      if (outcome?.state !== "answered") continue;
      const named = / re (msg_\S+?)(?: again)?$/.exec(outcome.text)?.[1];
      if (named !== undefined && named !== outcome.message)
        truth.violate(this.promise, `${short(outcome.message)} was told "${outcome.text}"`);
    }
    for (const call of truth.calls) {
      if (call.what === "forge" && call.settled?.ok)
        truth.violate("a handle is valid for its recipient only", `a forged reply was taken: ${call.text}`);
    }
  },
};

// @req harm.user-text
/** Captured text is a question's sole turn; what a user began or joined is the user's. */
export const captured: Check = {
  promise: "no captured text that belonged to a user",
  end({ truth, disk }, { messages }) {
    const turns = new Map(truth.turns.map((turn) => [turn.text, turn]));
    for (const message of messages.values()) {
      const question = message.kind === "answer" ? message.in_reply_to : undefined;
      const turn = question ? turns.get(message.body) : undefined;
      if (!question || !turn) continue;
      const ask = disk.look((tx) => tx.asks.get(question));
      if (turn.peer !== ask?.askee) continue;
      const others = turn.inputs.filter((input) => input !== question);
      if (turn.inputs.includes("user")) truth.violate(this.promise, `"${turn.text}" answers ${short(question)}`);
      else if (others.length > 0 || !turn.inputs.includes(question))
        truth.violate(this.promise, `"${turn.text}" had other inputs than ${short(question)}`);
    }
  },
};
