-- Pass on the threads whose holder has no record any more. No other step could do that.
-- parts: turns
-- ARGV: how many threads to look at. Returns what the messages of the runs need whose turn has come.
local found = {}
for _, thread in ipairs(redis.call('SRANDMEMBER', 'agentic:threads:busy', ARGV[1])) do
  if not holder_of(thread) then
    local promoted = next_turn(thread)
    if promoted then table.insert(found, promoted) end
  end
end
return found
