//! Owns the scripts that Redis runs in one step, so that nothing is half done whenever a worker dies. All keys have one
//! hash tag: a cluster keeps them on one node, which scripts need. Every time is Redis' own.
//!
//! A batch is a stream of its waiting items with one consumer group, a hash of its counts and a hash of its outcomes;
//! beside all batches stand sorted sets: those with waiting items, those whose time will be over, those whose end is to
//! be told, and of each owner all and those that go on. Redis may lose any of these keys: whichever it is, the batch
//! ends or goes on.
//!
//! A full Redis refuses commands that need room, unless the script has written before: what must succeed then begins
//! with one that needs none.

use redis::{Cmd, cmd};

/// Of scripts that work on one batch. KEYS begin with: counts, stream, outcomes, left, active, to tell, owner's that go
/// on. ARGV begin with: id, number of items.
const PRELUDE: &str = "
local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function keep_until(key, seconds)
  if redis.call('TTL', key) < seconds - now() / 1000 then redis.call('EXPIREAT', key, seconds) end
end
local function has_ended()
  if redis.call('HEXISTS', KEYS[1], 'error') == 1 or redis.call('HEXISTS', KEYS[1], 'closed') == 1 then return true end
  local counts = redis.call('HMGET', KEYS[1], 'done', 'failed')
  return (counts[1] or 0) + (counts[2] or 0) >= tonumber(ARGV[2])
end
local function stop()
  redis.call('DEL', KEYS[2], KEYS[4])
  redis.call('ZREM', KEYS[5], ARGV[1])
  redis.call('ZREM', KEYS[7], ARGV[1])
end
local function tell()
  if redis.call('HGET', KEYS[1], 'told') == '1' then redis.call('ZADD', KEYS[6], now(), ARGV[1]) end
end
local function fail(reason)
  stop()
  local done = redis.call('HGET', KEYS[1], 'done') or 0
  redis.call('HSET', KEYS[1], 'error', reason, 'failed', ARGV[2] - done)
  tell()
end
";

/// Milliseconds since 1970. KEYS: any.
pub const TIME: &str = "return now()";

/// Adds items to the stream, which is gone by itself if the batch is never opened. KEYS: stream, custom ids. ARGV:
/// seconds, number of the first item, then of each its custom id or nothing, and the item.
pub const ADD: &str = "
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('XGROUP', 'CREATE', KEYS[1], 'workers', '0', 'MKSTREAM')
end
for i = 3, #ARGV, 2 do
  local number = ARGV[2] + (i - 3) / 2
  redis.call('XADD', KEYS[1], '*', 'n', number, 'item', ARGV[i + 1])
  if ARGV[i] ~= '' then redis.call('HSET', KEYS[2], number, ARGV[i]) end
end
redis.call('EXPIRE', KEYS[1], ARGV[1])
redis.call('EXPIRE', KEYS[2], ARGV[1])
return 1";

/// Opens the batch for workers, unless there is one by its name, there are too many, or Redis lost some of its items in
/// the meantime. KEYS: counts, stream, active, expiring, owner's, name, owner's that go on, custom ids. ARGV: id,
/// items, description, end, when keys are gone by themselves, whether its end is told, the most that may go on, and of
/// one owner, digest of what is submitted by the name or nothing, what the name may stand for without there being such
/// a batch. Returns nothing: the batch is open; or what the name stands for; or `full`, `many`, `lost`.
pub const OPEN: &str = "
local function refuse(why)
  redis.call('DEL', KEYS[2], KEYS[8])
  return why
end
local named = ARGV[9] ~= ''
local known = named and redis.call('GET', KEYS[6])
if known and known ~= ARGV[10] then return refuse(known) end
if redis.call('XLEN', KEYS[2]) ~= tonumber(ARGV[2]) then return refuse('lost') end
if redis.call('ZCARD', KEYS[3]) >= tonumber(ARGV[7]) then return refuse('full') end
for _, other in ipairs(redis.call('ZRANGE', KEYS[7], 0, -1)) do
  if not redis.call('ZSCORE', KEYS[3], other) then redis.call('ZREM', KEYS[7], other) end
end
if redis.call('ZCARD', KEYS[7]) >= tonumber(ARGV[8]) then return refuse('many') end
if named then
  redis.call('SET', KEYS[6], ARGV[1] .. ' ' .. ARGV[9])
  redis.call('EXPIREAT', KEYS[6], ARGV[5])
  redis.call('HSET', KEYS[1], 'name', KEYS[6])
end
redis.call('HSET', KEYS[1], 'about', ARGV[3], 'told', ARGV[6])
for _, key in ipairs({KEYS[1], KEYS[2], KEYS[8]}) do redis.call('EXPIREAT', key, ARGV[5]) end
redis.call('ZADD', KEYS[3], now(), ARGV[1])
redis.call('ZADD', KEYS[4], ARGV[4], ARGV[1])
redis.call('ZADD', KEYS[5], now(), ARGV[1])
redis.call('ZADD', KEYS[7], now(), ARGV[1])
keep_until(KEYS[5], ARGV[5])
keep_until(KEYS[7], ARGV[5])
return false";

/// Gives an item to a worker: one that nobody has had, one that its worker has not renewed, or one that others have
/// left to this replica. Of those that this replica has left itself only what is left for too long: it is for whoever
/// has it then to say why it failed. KEYS and ARGV as of the prelude, then: worker, milliseconds without renewal,
/// replica, milliseconds that items are left, where to look among items that are begun, reason where Redis lost items.
/// Returns where to look next, then entry, number, item, attempt if there is one; or nothing: the batch does not go on.
pub const TAKE: &str = "
if redis.call('EXISTS', KEYS[1]) == 0 or has_ended() then
  stop()
  return false
end
if redis.call('XLEN', KEYS[2]) == 0 then
  fail(ARGV[8])
  return false
end
local function given(entry, next)
  local pending = redis.call('XPENDING', KEYS[2], 'workers', entry[1], entry[1], 1)
  redis.call('HINCRBY', KEYS[1], 'begun', 1)
  return {next, entry[1], entry[2][2], entry[2][4], tostring(pending[1][4])}
end
local new = redis.call('XREADGROUP', 'GROUP', 'workers', ARGV[3], 'COUNT', 1, 'STREAMS', KEYS[2], '>')
if new and new[1] then return given(new[1][2][1], ARGV[7]) end
local begun = redis.call('XPENDING', KEYS[2], 'workers', 'IDLE', ARGV[4], ARGV[7], '+', 100)
for _, pending in ipairs(begun) do
  local takes = true
  if pending[2] == 'left' then
    local left = redis.call('HGET', KEYS[4], pending[1])
    if left and string.find(left, ARGV[5], 1, true) then
      takes = now() - tonumber(string.match(left, '%d+')) >= tonumber(ARGV[6])
    end
  end
  if takes then
    local claimed = redis.call('XCLAIM', KEYS[2], 'workers', ARGV[3], 0, pending[1])
    if claimed[1] then return given(claimed[1], '(' .. pending[1]) end
    redis.call('XACK', KEYS[2], 'workers', pending[1])
  end
end
if #begun == 100 then return {'(' .. begun[100][1]} end
return {'-'}";

/// Renews an item, if it is still this worker's. KEYS: stream. ARGV: worker, entry. Returns 1; or 0 if it is another's,
/// and -1 if nothing waits in its batch any more.
pub const RENEW: &str = "
if redis.call('EXISTS', KEYS[1]) == 0 then return -1 end
local pending = redis.call('XPENDING', KEYS[1], 'workers', ARGV[2], ARGV[2], 1)
if not pending[1] or pending[1][2] ~= ARGV[1] then return 0 end
redis.call('XCLAIM', KEYS[1], 'workers', ARGV[1], 0, ARGV[2], 'JUSTID')
return 1";

/// Leaves an item to replicas that have not left it yet, as if it had not been tried. KEYS and ARGV as of the prelude,
/// then: worker, entry, attempt, replica, milliseconds that items are left, when keys are gone by themselves. Returns 0
/// if it was left for long enough.
pub const LEAVE: &str = "
local pending = redis.call('EXISTS', KEYS[2]) == 1 and redis.call('XPENDING', KEYS[2], 'workers', ARGV[4], ARGV[4], 1)
if not pending or not pending[1] or pending[1][2] ~= ARGV[3] then return 1 end
local left = redis.call('HGET', KEYS[4], ARGV[4]) or string.format('%.0f', now())
if now() - tonumber(string.match(left, '%d+')) >= tonumber(ARGV[7]) then return 0 end
redis.call('XCLAIM', KEYS[2], 'workers', 'left', 0, ARGV[4], 'IDLE', 86400000, 'RETRYCOUNT', ARGV[5] - 1, 'JUSTID')
redis.call('HSET', KEYS[4], ARGV[4], left .. ' ' .. ARGV[6])
redis.call('EXPIREAT', KEYS[4], ARGV[8])
return 1";

/// Whether there is room for a result. KEYS: counts, owner's bytes. ARGV: bytes, the most of a batch, the most of an
/// owner, whether results are in this Redis, of whose memory neither may have more than a quarter. Returns nothing; or
/// the limit that is reached, and whether it is the owner's.
pub const ROOM: &str = "
local batch, owner = tonumber(ARGV[2]), tonumber(ARGV[3])
if ARGV[4] == '1' then
  local known, memory = pcall(redis.call, 'INFO', 'memory')
  local most = known and type(memory) == 'string' and tonumber(string.match(memory, 'maxmemory:(%d+)')) or 0
  if most > 0 then batch, owner = math.min(batch, most / 4), math.min(owner, most / 4) end
end
if tonumber(redis.call('HGET', KEYS[1], 'bytes') or 0) + ARGV[1] > batch then return {math.floor(batch), 0} end
if tonumber(redis.call('HGET', KEYS[2], 'total') or 0) + ARGV[1] > owner then return {math.floor(owner), 1} end
return false";

/// Records what became of an item, once, and removes its text. KEYS and ARGV as of the prelude; another key: owner's
/// bytes; then: entry, number, outcome, count, seconds, bytes, when keys are gone by themselves, reason where Redis
/// lost outcomes. Returns 0: it was recorded before; -1: nobody wants it; 1: the batch goes on; 2: it has ended.
pub const RECORD: &str = "
local stands = redis.call('EXISTS', KEYS[1], KEYS[2]) == 2
if not stands or redis.call('XACK', KEYS[2], 'workers', ARGV[3]) == 0 then
  if redis.call('HEXISTS', KEYS[3], ARGV[4]) == 0 then return -1 end
  if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('HINCRBY', KEYS[1], 'repeated', 1) end
  return 0
end
redis.call('XDEL', KEYS[2], ARGV[3])
redis.call('HDEL', KEYS[4], ARGV[3])
redis.call('HSET', KEYS[3], ARGV[4], ARGV[5])
redis.call('EXPIREAT', KEYS[3], ARGV[9])
redis.call('HINCRBY', KEYS[1], ARGV[6], 1)
redis.call('HINCRBYFLOAT', KEYS[1], 'seconds', ARGV[7])
if ARGV[8] ~= '0' then
  redis.call('HINCRBY', KEYS[1], 'bytes', ARGV[8])
  redis.call('HINCRBY', KEYS[8], ARGV[1], ARGV[8])
  redis.call('HINCRBY', KEYS[8], 'total', ARGV[8])
  keep_until(KEYS[8], ARGV[9])
end
if not has_ended() then return 1 end
if redis.call('HLEN', KEYS[3]) < tonumber(ARGV[2]) then redis.call('HSET', KEYS[1], 'error', ARGV[10]) end
stop()
tell()
return 2";

/// Ends a batch that cannot go on.
/// KEYS and ARGV as of the prelude, then: reason. Returns 0 if it has ended or is gone.
pub const FAIL: &str = "
if redis.call('EXISTS', KEYS[1]) == 0 or has_ended() then return 0 end
fail(ARGV[3])
return 1";

/// Puts a batch back where it must stand to be worked off and listed, or ends it if Redis lost its items. KEYS and ARGV
/// as of the prelude; another key: owner's; then: reason where Redis lost items, seconds since 1970 of its beginning.
pub const MEND: &str = "
if redis.call('EXISTS', KEYS[1]) == 0 or has_ended() then return 0 end
if redis.call('XLEN', KEYS[2]) == 0 then
  fail(ARGV[3])
  return 1
end
redis.call('ZADD', KEYS[5], 'NX', ARGV[4] * 1000, ARGV[1])
redis.call('ZADD', KEYS[7], 'NX', ARGV[4] * 1000, ARGV[1])
redis.call('ZADD', KEYS[8], 'NX', ARGV[4] * 1000, ARGV[1])
return 0";

/// Ends a batch for everybody, before it is removed: nothing of it is given out, recorded or seen any more. Should it
/// not be removed soon, it is found among those whose time is over. KEYS and ARGV as of the prelude; another key:
/// expiring.
pub const CLOSE: &str = "
stop()
redis.call('ZREM', KEYS[6], ARGV[1])
redis.call('ZADD', KEYS[8], math.floor(now() / 1000) + 30, ARGV[1])
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('HSET', KEYS[1], 'closed', 1) end
return 1";

/// Forgets a batch, and its name, so that it can be handed in again. KEYS: counts, stream, outcomes, left, active, to
/// tell, owner's that go on, owner's, expiring, owner's bytes, name, custom ids. ARGV: id.
pub const REMOVE: &str = "
for _, i in ipairs({1, 2, 3, 4, 12}) do redis.call('DEL', KEYS[i]) end
for i = 5, 9 do redis.call('ZREM', KEYS[i], ARGV[1]) end
local bytes = redis.call('HGET', KEYS[10], ARGV[1])
if bytes then
  redis.call('HDEL', KEYS[10], ARGV[1])
  redis.call('HINCRBY', KEYS[10], 'total', -bytes)
end
local known = redis.call('GET', KEYS[11])
if known and string.sub(known, 1, #ARGV[1]) == ARGV[1] then redis.call('DEL', KEYS[11]) end
return 1";

/// Takes a batch that does not exist out of those that are worked off.
/// KEYS: counts, active. ARGV: id.
pub const DROP: &str = "
if redis.call('EXISTS', KEYS[1]) == 0 then redis.call('ZREM', KEYS[2], ARGV[1]) end
return 1";

/// Takes batches that do not exist any more out of what an owner's results take.
/// KEYS: owner's bytes. ARGV: ids.
pub const TALLY: &str = "
for _, id in ipairs(ARGV) do redis.call('HDEL', KEYS[1], id) end
local total = 0
for _, id in ipairs(redis.call('HKEYS', KEYS[1])) do
  if id ~= 'total' then total = total + redis.call('HGET', KEYS[1], id) end
end
redis.call('HSET', KEYS[1], 'total', string.format('%.0f', total))
return 1";

/// Finds a batch that is due, and puts it off, so that whoever found it has time for it.
/// KEYS: sorted set of times. ARGV: units of these times in a second, units to put it off.
pub const DUE: &str = "
local time = math.floor(now() * ARGV[1] / 1000)
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', time, 'LIMIT', 0, 1)
if not due[1] then return false end
redis.call('ZREM', KEYS[1], due[1])
redis.call('ZADD', KEYS[1], time + ARGV[2], due[1])
return due[1]";

/// A call of one of these.
pub fn script(script: &str, keys: &[&str]) -> Cmd {
    let mut command = cmd("EVAL");
    command.arg([PRELUDE, script].concat()).arg(keys.len()).arg(keys);
    command
}
