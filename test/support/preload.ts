import { tmpdir } from "node:os";
import { join } from "node:path";

// Loaded before every test file: whatever a test forgets to say, it must not find the home, token or daemon of the person who runs
// the tests, nor take the port of that daemon. Nothing is made there.
process.env.REPOWIRE_HOME = join(tmpdir(), "repowire-test-nobody");
process.env.REPOWIRE_PORT = "0";
