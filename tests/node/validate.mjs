// Reads an AsyncAPI document on standard input; exits with 1, and says why, where it is not valid.
import { Parser } from "@asyncapi/parser";
import { readFileSync } from "node:fs";

const { document, diagnostics } = await new Parser().parse(readFileSync(0, "utf-8"));
const errors = diagnostics.filter((each) => each.severity === 0);
for (const each of errors) console.error(each.path.join("."), each.message);
if (document) console.log(document.operations().all().map((each) => each.id()).join("\n"));
process.exit(errors.length || !document ? 1 : 0);
