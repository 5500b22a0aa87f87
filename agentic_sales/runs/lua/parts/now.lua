-- The server's own clock in epoch seconds, and what every step says of time and of an end.
local t = redis.call('TIME')
local now = t[1] + t[2] / 1000000
local stamp = string.format('%d.%06d', t[1], t[2])
local function pending(queue) return 'agentic:pending:' .. queue end
local function tell_end(run_id, reply_to, is_streamed, status, body)
  if reply_to ~= '' then redis.call('PUBLISH', reply_to, run_id .. '\n' .. status .. '\n' .. body) end
  if redis.call('HEXISTS', 'agentic:run:' .. run_id, 'webhook') == 1 then
    redis.call('ZADD', 'agentic:webhooks', now, run_id)
    redis.call('PERSIST', 'agentic:run:' .. run_id)
  end
  if is_streamed ~= '1' then return end
  local name = status == 'success' and 'end' or 'error'
  local events = 'agentic:events:' .. run_id
  redis.call('XADD', events, '*', 'event', name, 'data', name == 'end' and 'null' or body)
  redis.call('EXPIRE', events, 3600)
end
