import { visit } from "../compiled/visit.js";

test("the application answers", () => visit());
