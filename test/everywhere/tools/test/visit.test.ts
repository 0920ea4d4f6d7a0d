import { visit } from "../src/visit";

test("the application answers", () => visit());
