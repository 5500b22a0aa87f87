// Offer a discount, and answer the question that a large one raises.
//
//   npx tsx approve.ts PERCENT yes|no
//
// LANGGRAPH_URL and LANGGRAPH_AUTH_TOKEN say where the fleet is; a local one needs neither.

import { Client } from "@langchain/langgraph-sdk";

interface Discount extends Record<string, unknown> {
  offer: string;
  outcome: "" | "offered" | "refused";
}

const [percent = "25", word = "yes"] = process.argv.slice(2);
const client = new Client({
  apiUrl: process.env.LANGGRAPH_URL ?? "http://127.0.0.1:8002",
  apiKey: process.env.LANGGRAPH_AUTH_TOKEN ?? null,
  callerOptions: { maxRetries: 0 }, // A run that has begun must not be started a second time after a 5xx.
});

const thread = await client.threads.create();
const input = { customer: "Globex", percent: Number(percent) };
let state = (await client.runs.wait(thread.thread_id, "acme_discount", { input })) as Discount;

// A thread keeps its question until somebody answers, whatever happens to this process or to the fleet.
const { interrupts } = await client.threads.get(thread.thread_id);
const [question] = Object.values(interrupts).flat();
if (question) {
  state = (await client.runs.wait(thread.thread_id, "acme_discount", { command: { resume: word } })) as Discount;
}
console.log(JSON.stringify({ question: question?.value ?? null, outcome: state.outcome, offer: state.offer }));
