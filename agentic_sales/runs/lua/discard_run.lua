-- Remove the record of an ended run. Returns 'gone' or the reason against it as 'live' or 'unknown'.
-- parts: turns
-- KEYS: run. ARGV: run id.
local run = redis.call('HMGET', KEYS[1], 'status', 'lock')
if not run[1] then return 'unknown' end
if run[1] == 'pending' or run[1] == 'running' then return 'live' end
if run[2] then redis.call('ZREM', thread_key(run[2]) .. ':runs', ARGV[1]) end
redis.call('DEL', KEYS[1], 'agentic:events:' .. ARGV[1], 'agentic:subruns:' .. ARGV[1])
for _, list in ipairs({'agentic:dead', 'agentic:runs', 'agentic:webhooks'}) do redis.call('ZREM', list, ARGV[1]) end
return 'gone'
