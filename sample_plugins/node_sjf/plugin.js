"use strict";
// One JSON-RPC 2.0 message a line in, one answer a line out: docs/reference/protocol.md, version 1.
// Only the protocol may go to stdout; what is meant for the log goes to stderr (console.error).

const readline = require("node:readline");

const MANIFEST = { name: "node-sjf", version: "1.0.0" };
const FLOOR_MS = 10_000; // the bounded slowdown counts no job as shorter than this
const EARLY = new Set(["initialize", "ping", "shutdown"]); // may come before initialize was answered
let initialized = false;
const config = { patience_ms: 24 * 3600 * 1000 };

class RpcError extends Error {
  constructor(code, kind, message) {
    super(message);
    this.code = code;
    this.kind = kind;
  }
}

const methods = {
  initialize(params) {
    const range = params.protocol ?? {};
    if (!(range.min <= 1 && range.max >= 1)) {
      throw new RpcError(-32009, "unsupportedVersion", `this plugin speaks protocol 1, not ${range.min} to ${range.max}`);
    }
    const patience = params.config?.patience_ms ?? config.patience_ms;
    if (!(typeof patience === "number" && patience > 0)) {
      throw new RpcError(-32602, "invalidParams", `config.patience_ms is ${JSON.stringify(patience)}; give a number above 0`);
    }
    config.patience_ms = patience;
    initialized = true;
    return { protocol: 1, plugin: MANIFEST, capabilities: { optimize: {} }, handles: ["scheduling"] };
  },
  ping: () => ({}),
  describe: () => ({ rule: "shortest requested time first, with ageing and backfilling", config }),
  optimize({ data }) {
    if (!Array.isArray(data?.jobs)) return { abstained: true, reason: "only queues are decided here" };
    return { result: decide(data) };
  },
  shutdown: () => ({}),
};

/** Which jobs start now, and the order of all. Jobs with a promised start go first, earliest promise first. */
function decide({ jobs, running = [], cluster, now, reservations = [] }) {
  const promised = new Map(reservations.map(({ job, start }) => [job, start]));
  const rank = (job) =>
    Math.log(Math.max(job.requestedTime, FLOOR_MS)) - (now - job.submit) / config.patience_ms;
  const order = jobs
    .map((job) => ({ job, promise: promised.get(job.id) ?? Infinity, rank: rank(job) }))
    .sort((a, b) => (a.promise !== b.promise ? a.promise - b.promise : a.rank - b.rank))
    .map(({ job }) => job);

  const busy = running.map(({ procs, start, requestedTime }) => ({ procs, end: Math.max(now, start + requestedTime) }));
  let free = cluster.procs - busy.reduce((sum, { procs }) => sum + procs, 0);
  const start = [];
  const launch = (job) => {
    start.push(job.id);
    free -= job.procs;
    busy.push({ procs: job.procs, end: now + job.requestedTime });
  };
  let head = 0;
  while (head < order.length && order[head].procs <= free) launch(order[head++]);
  if (head < order.length) backfill(order.slice(head));
  return { start, order: order.map(({ id }) => id), reservations: [] };

  /** Starts later jobs that do not delay the first one that has to wait (EASY backfilling, Lifka 1995). */
  function backfill([blocked, ...later]) {
    let shadow = now; // when the blocked job can start at the latest, and what will be spare then
    let spare = free;
    for (const { procs, end } of [...busy].sort((a, b) => a.end - b.end)) {
      if (spare >= blocked.procs && end > shadow) break;
      spare += procs;
      shadow = end;
    }
    spare -= blocked.procs;
    for (const job of later) {
      if (job.procs > free) continue;
      const endsBefore = now + job.requestedTime <= shadow;
      if (!endsBefore && job.procs > spare) continue;
      if (!endsBefore) spare -= job.procs;
      launch(job);
    }
  }
}

function send(message) {
  process.stdout.write(JSON.stringify({ jsonrpc: "2.0", ...message }) + "\n");
}

function receive(line) {
  if (!line.trim()) return;
  let message;
  try {
    message = JSON.parse(line);
  } catch {
    send({ id: null, error: { code: -32700, message: "not JSON", data: { kind: "parseError" } } });
    return;
  }
  const { id, method, params } = message ?? {};
  if (typeof method !== "string" || id === undefined) return; // a notification, or an answer to nothing
  try {
    if (!initialized && !EARLY.has(method)) throw new RpcError(-32001, "notInitialized", "send initialize first");
    if (!Object.hasOwn(methods, method)) throw new RpcError(-32601, "methodNotFound", `there is no method ${method}`);
    send({ id, result: methods[method](params ?? {}) });
  } catch (error) {
    if (error instanceof RpcError) {
      send({ id, error: { code: error.code, message: error.message, data: { kind: error.kind } } });
    } else {
      console.error(error.stack);
      send({ id, error: { code: -32016, message: `${error.name}: ${error.message}`, data: { kind: "pluginError" } } });
    }
  }
  if (method === "shutdown") input.close();
}

const input = readline.createInterface({ input: process.stdin, crlfDelay: Infinity });
input.on("line", receive);
input.on("close", () => process.stdin.destroy()); // nothing else keeps node alive
