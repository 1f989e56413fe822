import { tempHome } from "./temp-home.ts";

// Loaded before every test file: whatever a test forgets to say, it must not find the home, token or daemon of the person who runs
// the tests.
const home = tempHome();
process.env.REPOWIRE_HOME = home.path;
process.on("exit", () => home[Symbol.dispose]());
