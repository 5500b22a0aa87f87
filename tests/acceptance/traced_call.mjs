// Open a span, run a workflow by the official SDK inside it, export the span, and print its ids and the answer as JSON.
//
// Arguments: the facade's URL, its key, the collector's URL, the assistant and its input as JSON.

import { context, propagation, trace } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { NodeTracerProvider, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-node";
import { Client } from "@langchain/langgraph-sdk";

const [apiUrl, apiKey, collectorUrl, assistantId, input] = process.argv.slice(2);

const exporter = new OTLPTraceExporter({ url: `${collectorUrl}/v1/traces` });
const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
provider.register();

const call = async (span) => {
  const defaultHeaders = {};
  propagation.inject(context.active(), defaultHeaders);
  const client = new Client({ apiUrl, apiKey, defaultHeaders, callerOptions: { maxRetries: 0 } });
  const answer = await client.runs.wait(null, assistantId, { input: JSON.parse(input) });
  span.end();
  return { answer, traceId: span.spanContext().traceId, spanId: span.spanContext().spanId };
};

const outcome = await trace.getTracer("caller").startActiveSpan("the user's click", call);
await provider.shutdown();
console.log(JSON.stringify(outcome));
