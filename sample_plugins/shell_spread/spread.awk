# One JSON-RPC 2.0 message a line in, one answer a line out: docs/reference/protocol.md, version 1.
# value[path] holds every scalar of a message as it was written (texts keep their quotes), and "{" or "["
# for objects and lists; size[path] is the length of a list. Paths look like params.data.nodes.0.id

/[^ \t\r]/ {  # an empty line is to be ignored
    for (path in value) delete value[path]
    for (path in size) delete size[path]
    bad = 0; at = 1; line = $0
    parse("")
    skip()
    if (bad || at <= length(line)) fail("null", -32700, "parseError", "not JSON")
    else if (value[""] != "{" || !("method" in value)) {
        # An answer or rubbish: this plugin asks nothing, so nothing is owed.
    }
    else if ("id" in value) {
        if (value["id"] ~ /^[{[]/) fail("null", -32600, "invalidRequest", "an id is a text or a number")
        else answer(value["id"], plain(value["method"]))
    }
    # No id: a notification. $/cancelRequest has nothing to stop here, calls are answered one by one.
}

function answer(id, method) {
    if (method == "\"initialize\"") {
        if (value["params.protocol.min"] > 1 || value["params.protocol.max"] < 1)
            fail(id, -32009, "unsupportedVersion", "this plugin speaks protocol 1")
        else { initialized = 1; reply(id, initialize()) }
    }
    else if (method == "\"ping\"") reply(id, "{}")
    else if (method == "\"shutdown\"") { reply(id, "{}"); exit 0 }
    else if (!initialized) fail(id, -32001, "notInitialized", "send initialize first")
    else if (method == "\"optimize\"") reply(id, optimize())
    else if (method == "\"describe\"") reply(id, "{\"rule\":\"least cpu + memory load afterwards\"}")
    else fail(id, -32601, "methodNotFound", "this plugin has no such method")
}

function initialize() {
    return "{\"protocol\":1,\"plugin\":{\"name\":\"shell-spread\",\"version\":\"1.0.0\"},\"capabilities\":{\"optimize\":{}},\"handles\":[\"scheduling\"]}"
}

# The node that stays below 100 % in both and has the least cpu + memory load afterwards.
function optimize(    i, node, cpu, memory, over, load, best, best_over, best_load) {
    if (value["params.data.task"] != "{" || value["params.data.nodes"] != "[")
        return "{\"abstained\":true,\"reason\":\"only one task on given nodes is decided here\"}"
    best = ""
    for (i = 0; i < size["params.data.nodes"]; i++) {
        node = "params.data.nodes." i "."
        cpu = value[node "cpuLoad"] + value["params.data.task.cpuRequired"]
        memory = value[node "memoryLoad"] + value["params.data.task.memoryRequired"]
        over = cpu > 100 || memory > 100
        load = cpu + memory
        if (best == "" || over < best_over || (over == best_over && load < best_load)) {
            best = value[node "id"]; best_over = over; best_load = load
        }
    }
    if (best == "") return "{\"abstained\":true,\"reason\":\"there is no node\"}"
    return "{\"result\":{\"nodeId\":" best "}}"
}

function reply(id, result) {
    print "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"result\":" result "}"
    fflush()  # the host is waiting for this line
}

function fail(id, code, kind, message) {
    print "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"error\":{\"code\":" code ",\"message\":\"" message "\",\"data\":{\"kind\":\"" kind "\"}}}"
    fflush()
}

# --- JSON (RFC 8259), by recursive descent over line[at..] -------------------------------------------

function skip() {
    while (substr(line, at, 1) ~ /^[ \t\r]$/) at++
}

# Takes what matches at this place. The short window first: a copy of the whole rest for each token
# would make a long line cost the square of its length.
function take(pattern,    window) {
    window = substr(line, at, 128)
    if (!match(window, pattern) || RLENGTH == length(window)) {
        window = substr(line, at)
        if (!match(window, pattern)) { bad = 1; return "" }
    }
    at += RLENGTH
    return substr(window, 1, RLENGTH)
}

function text() {
    return take("^\"([^\"\\\\]|\\\\.)*\"")
}

function parse(path,    first) {
    skip()
    first = substr(line, at, 1)
    if (first == "{") members(path)
    else if (first == "[") elements(path)
    else if (first == "\"") value[path] = text()
    else value[path] = take("^(true|false|null|-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][+-]?[0-9]+)?)")
}

function members(path,    name) {
    value[path] = "{"; at++; skip()
    if (substr(line, at, 1) == "}") { at++; return }
    while (!bad) {
        skip()
        name = text()
        skip()
        if (bad || substr(line, at, 1) != ":") { bad = 1; return }
        at++
        name = substr(name, 2, length(name) - 2)
        name = plain(name)
        parse(path == "" ? name : path "." name)
        if (ended("}")) return
    }
}

function elements(path,    count) {
    value[path] = "["; size[path] = 0; at++; skip()
    if (substr(line, at, 1) == "]") { at++; return }
    for (count = 0; !bad; count++) {
        size[path] = count + 1
        parse(path "." count)
        if (ended("]")) return
    }
}

# A text with its escaped ASCII characters as what they stand for; the other escapes stay as they are.
function plain(escaped,    done, part) {
    done = ""
    while (match(escaped, /\\(u00[2-7][0-9a-fA-F]|.)/)) {
        part = substr(escaped, RSTART, RLENGTH)
        if (part == "\\/") part = "/"
        else if (RLENGTH > 2) part = sprintf("%c", 16 * substr(part, 5, 1) + index("123456789abcdef", tolower(substr(part, 6))))
        done = done substr(escaped, 1, RSTART - 1) part
        escaped = substr(escaped, RSTART + RLENGTH)
    }
    return done escaped
}

# Whether the object or list ends here; a comma goes on.
function ended(bracket,    sign) {
    skip()
    sign = substr(line, at, 1)
    if (sign != bracket && sign != ",") bad = 1
    at++
    return sign == bracket
}
