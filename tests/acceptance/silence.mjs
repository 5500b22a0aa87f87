// Stream a run that says nothing for a while, by the official JavaScript SDK, unchanged; print its events as JSON.
//
// Arguments: the facade's URL, its key, seconds of silence, and what becomes of the run when the caller leaves.

import { Client } from "@langchain/langgraph-sdk";

const [apiUrl, apiKey, waitS, onDisconnect] = process.argv.slice(2);
const client = new Client({ apiUrl, apiKey, callerOptions: { maxRetries: 0 } });
const payload = { input: { wait_s: Number(waitS) }, streamMode: ["values"], onDisconnect };

const found = [];
for await (const { event, data } of client.runs.stream(null, "sleepy", payload)) found.push({ event, data });
console.log(JSON.stringify(found));
