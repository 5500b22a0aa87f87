-- Take threads off the list of those that the database does not know yet. Threads that changed again stay.
-- ARGV: thread id, score, thread id, score, ...
for i = 1, #ARGV, 2 do
  local since = redis.call('ZSCORE', 'agentic:threads:changed', ARGV[i])
  if since and tonumber(since) == tonumber(ARGV[i + 1]) then
    redis.call('ZREM', 'agentic:threads:changed', ARGV[i])
  end
end
