/** The person said no, or pressed Ctrl-C at a question: nothing is done, and that is no fault. */
export class CancelledError extends Error {
  constructor() {
    super("Nothing was changed.");
    this.name = "CancelledError";
  }
}
