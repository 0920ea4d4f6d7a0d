/**
 * The Lua scripts. Each answers with a text, and may be run twice, because clients repeat commands. Each reads its ARGV
 * into names first; `now` always comes first. The key of the session is the last of KEYS. A script with more than one key
 * runs only where all of them are on one server.
 */
import { createHash } from "node:crypto";

export interface Script {
  readonly source: string;
  readonly sha: string;
}

const script = (source: string): Script => ({ source, sha: createHash("sha1").update(source).digest("hex") });

/** The columns of `layout.ts`, by number: each is 16 digits and a space, behind the letter of the kind and a space. */
const columns = `
local ENDS, INDEXED, VERSION, REPLACED = 1, 2, 3, 4
local function startOf(number) return 17 * number - 14 end
local function column(text, number)
  local start = startOf(number)
  return string.sub(text, start, start + 15)
end
`;

/** Reads what lies under the key of a session; needs `now`. A script makes every function anew, so each has only those that it needs. */
const look = `
${columns}
local key = KEYS[#KEYS]
local head = redis.call("GETRANGE", key, 0, 82)
local kind = string.sub(head, 1, 1)
local live = head ~= "" and column(head, ENDS) > now
`;

const movedTo = `
local function movedTo() return string.sub(head, startOf(2)) end
`;

/**
 * `rewrite` writes what is there already. From Redis 7.2 on WAIT counts the replicas that have the last write of its own
 * connection. A command that a client repeats on a new connection must therefore write too, or WAIT would confirm a write
 * that no replica has.
 */
const rewrite = `
local function rewrite() redis.call("SETRANGE", key, 0, kind) end
`;

const firstLine = `
local function firstLine() return string.match(redis.call("GET", key), "^[^\\n]*") end
`;

/**
 * Writes an entry into a user's index, and removes expired ones; needs `now`. The score of an entry is never lowered. It
 * adds before it removes: a server that is full refuses a script only before its first write.
 */
const addToIndex = `
local function addToIndex(index, score, id)
  local there = redis.call("ZSCORE", index, id)
  if not there or tonumber(there) < tonumber(score) then redis.call("ZADD", index, score, id) end
  redis.call("ZREMRANGEBYSCORE", index, "-inf", now)
  local last = redis.call("ZREVRANGE", index, 0, 0, "WITHSCORES")[2]
  if last then redis.call("PEXPIRE", index, string.format("%.0f", math.max(1, last - now))) end
end
`;

/** Writes an entry into a user's index, which is the only key. */
export const index = script(`
local now, score, id = unpack(ARGV)
${addToIndex}
addToIndex(KEYS[1], score, id)
return "saved"
`);

/**
 * Stores a new record. Where the user's index is on the same server it comes first in KEYS, and its entry is written too.
 * In place of the version that it replaces, a new record has a nonce: by version and nonce a repetition is told from
 * another create.
 */
export const create = script(`
local now, value, ttl, score, id = unpack(ARGV)
${look}
if head == "" then
  if #KEYS > 1 then
    ${addToIndex}
    addToIndex(KEYS[1], score, id)
  end
  redis.call("SET", key, value, "PX", ttl)
  return "saved"
end
${rewrite}
local isRepetition = column(head, VERSION) == column(value, VERSION) and column(head, REPLACED) == column(value, REPLACED)
if kind ~= "m" and isRepetition then rewrite() return "saved" end
return "taken"
`);

/**
 * Replaces a record. The value names the version that it replaces, and the score that the caller has given the user's
 * index. `needed` is the score that the index must have at least: where it has not, the answer is "index".
 *
 * The answer is "saved" too where the record is this writer's already, or replaced this writer's: then an answer was lost.
 */
export const update = script(`
local now, value, ttl, needed = unpack(ARGV)
${look}
if not live then return "gone" end
if kind == "r" and column(head, VERSION) == column(value, REPLACED) then
  local given, indexed = column(value, INDEXED), column(head, INDEXED)
  if given < indexed then
    value = string.sub(value, 1, startOf(INDEXED) - 1) .. indexed .. string.sub(value, startOf(INDEXED) + 16)
    given = indexed
  end
  if needed > given then return "index" end
  redis.call("SET", key, value, "PX", ttl)
  return "saved"
end
${movedTo}
${rewrite}
if kind == "m" then return movedTo() end
if kind == "p" then return "pending" end
local mine = column(value, VERSION)
if column(head, VERSION) == mine or column(head, REPLACED) == mine then rewrite() return "saved" end
return "conflict"
`);

/**
 * Moves the end of a record later. `given` is the score that the caller has given the user's index. Where that must rise
 * first, the answer is the first line of the record, which names the user.
 */
export const touch = script(`
local now, expected, expires, ttl, given = unpack(ARGV)
${look}
${rewrite}
${firstLine}
if not live or kind == "m" then return "gone" end
if kind == "p" then return "pending" end
if column(head, VERSION) ~= expected then return "gone" end
if expires <= column(head, ENDS) then rewrite() return "saved" end
local indexed = column(head, INDEXED)
if tonumber(indexed) > 0 then
  if given > indexed then indexed = given end
  if expires > indexed then return firstLine() end
end
redis.call("SETRANGE", key, startOf(ENDS) - 1, expires .. " " .. indexed)
redis.call("PEXPIRE", key, ttl)
return "saved"
`);

/**
 * Removes a record, and answers its first line. Where there is none it still writes, for WAIT; by pcall, because a server
 * that is full refuses that write, and a logout must succeed there.
 */
export const remove = script(`
local now = unpack(ARGV)
${look}
${movedTo}
${firstLine}
if head == "" then
  redis.pcall("SET", key, "", "PX", 1)
  redis.call("DEL", key)
  return "gone"
end
if kind == "m" and live then return movedTo() end
local removed = firstLine()
redis.call("DEL", key)
return removed
`);

/**
 * A whole rotation on one server. KEYS: the user's index, if there is a user; the key of the new id; that of the old one.
 * The answer is the first line of the old record. Its entry goes here where the user stays the same.
 */
export const rotate = script(`
local now, expected, to, mark, markTtl, value, ttl, score, from = unpack(ARGV)
${addToIndex}
${look}
${movedTo}
${rewrite}
${firstLine}
local newKey = KEYS[#KEYS - 1]
if not live then return "gone" end
if kind == "m" then
  if movedTo() ~= to then return movedTo() end
  rewrite()
  return redis.call("EXISTS", newKey) == 1 and "saved" or "gone"
end
if kind == "p" then return "pending" end
if column(head, VERSION) ~= expected then return "conflict" end
if redis.call("EXISTS", newKey) == 1 then return "taken" end
local left = firstLine()
if #KEYS > 2 then
  addToIndex(KEYS[1], score, to)
  redis.call("ZREM", KEYS[1], from)
end
redis.call("SET", newKey, value, "PX", ttl)
redis.call("SET", key, mark, "PX", markTtl)
return left
`);

/** The step of a rotation that decides it, under the old id. The answer is the first line of the old record. */
export const leave = script(`
local now, expected, to, mark, markTtl = unpack(ARGV)
${look}
${movedTo}
${rewrite}
${firstLine}
if not live then return "gone" end
if kind == "m" then
  if movedTo() == to then rewrite() return "saved" end
  return movedTo()
end
if kind == "p" then return "pending" end
if column(head, VERSION) ~= expected then return "conflict" end
local left = firstLine()
redis.call("SET", key, mark, "PX", markTtl)
return left
`);

/** The last step of a rotation, under the new id. */
export const arrive = script(`
local now, ttl = unpack(ARGV)
${look}
${rewrite}
if head == "" then return "gone" end
if kind ~= "p" then rewrite() return "saved" end
redis.call("SETRANGE", key, 0, "r")
redis.call("PEXPIRE", key, ttl)
return "saved"
`);

/** For `stats`: the number of live sessions under the keys, of those with a user, their bytes, and the oldest `createdAt`. */
export const count = script(`
local now = unpack(ARGV)
${columns}
local live, authenticated, bytes, oldest = 0, 0, 0, math.huge
for _, key in ipairs(KEYS) do
  local head = redis.pcall("GETRANGE", key, 0, 127)
  if type(head) == "string" and string.sub(head, 1, 1) == "r" and column(head, ENDS) > now then
    live = live + 1
    bytes = bytes + redis.call("STRLEN", key)
    if tonumber(column(head, INDEXED)) > 0 then authenticated = authenticated + 1 end
    local createdAt = tonumber(string.match(head, "^%[[^,]+,([^,]+),", startOf(5)))
    oldest = math.min(oldest, createdAt or oldest)
  end
end
return string.format("%.0f %.0f %.0f ", live, authenticated, bytes) .. (live > 0 and string.format("%.17g", oldest) or "Infinity")
`);
