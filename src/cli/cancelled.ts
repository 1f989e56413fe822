/** The person said no, or pressed Ctrl-C: what that means is said, and it is no fault. */
export class CancelledError extends Error {
  constructor(message = "Nothing was changed.") {
    super(message);
    this.name = "CancelledError";
  }
}
