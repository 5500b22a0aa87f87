-- Count the usage of an answered call for its run and every run above it and the day. Returns 0 for an unknown run.
-- parts: count spending
-- ARGV: run id, model, input tokens, output tokens, USD.
local counted, assistant_id = {}, redis.call('HGET', 'agentic:run:' .. ARGV[1], 'assistant_id')
if not assistant_id then return 0 end
count(1, METRIC.LLM_CALLS, assistant_id, ARGV[2])
count(ARGV[3], METRIC.LLM_TOKENS, assistant_id, ARGV[2], 'input')
count(ARGV[4], METRIC.LLM_TOKENS, assistant_id, ARGV[2], 'output')
redis.call('HINCRBYFLOAT', COUNTS_KEY, table.concat({METRIC.LLM_COST, assistant_id, ARGV[2]}, '\t'), ARGV[5])
redis.call('HINCRBYFLOAT', today, '*', ARGV[5])
for key, name in up_from(ARGV[1]) do
  redis.call('HINCRBYFLOAT', key, 'spent_usd', ARGV[5])
  if not counted[name] then redis.call('HINCRBYFLOAT', today, name, ARGV[5]) end
  counted[name] = true
end
redis.call('EXPIRE', today, 3 * 86400)
return 1
