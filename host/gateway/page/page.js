// Everything the host says is put on the page as text, never as markup: names and logs of plugins are untrusted.
"use strict";

const $ = (id) => document.getElementById(id);

function make(tag, text, className) {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  if (className) element.className = className;
  return element;
}

function headers(more) {
  const token = $("token").value.trim();
  return token ? { Authorization: `Bearer ${token}`, ...more } : { ...more };
}

async function ask(verb, path, body) {
  const options = { method: verb, headers: headers(body === undefined ? {} : { "Content-Type": "application/json" }) };
  if (body !== undefined) options.body = body;
  const began = performance.now();
  const response = await fetch(path, options);
  const text = await response.text();
  return { status: response.status, ok: response.ok, text, ms: performance.now() - began };
}

// What would turn the text around it, or hide in it, is shown as an escape; in JSON it means the same.
function plain(text) {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Cn}]/gu, (each) => each === "\n" ? each
    : Array.from({ length: each.length }, (_, at) => `\\u${each.charCodeAt(at).toString(16).padStart(4, "0")}`).join(""));
}

function pretty(text) {
  try {
    return plain(JSON.stringify(JSON.parse(text), null, 2));
  } catch {
    return plain(text);
  }
}

function example(schema, components, depth = 0) {
  if (!schema || depth > 4) return null;
  if (schema.$ref) return example(components[schema.$ref.split("/").pop()], components, depth + 1);
  if ("default" in schema) return schema.default;
  if (schema.enum) return schema.enum[0];
  if (schema.anyOf) return example(schema.anyOf.find((each) => each.type !== "null"), components, depth + 1);
  switch (schema.type) {
    case "string": return "";
    case "integer": case "number": return schema.minimum ?? 0;
    case "boolean": return true;
    case "array": return [];
    case "object": {
      const made = {};
      for (const name of schema.required ?? []) made[name] = example((schema.properties ?? {})[name], components, depth + 1);
      return made;
    }
    default: return null;
  }
}

const SAMPLES = {
  "engine.optimize": {
    id: "t1", type: "scheduling",
    data: {
      task: { id: "web", cpuRequired: 20, memoryRequired: 10 },
      nodes: [{ id: "n1", cpuLoad: 70, memoryLoad: 40 }, { id: "n2", cpuLoad: 30, memoryLoad: 60 }],
    },
  },
};

function parameterTable(parameters) {
  const table = make("table");
  for (const parameter of parameters) {
    const row = make("tr");
    row.append(make("td", parameter.name + (parameter.required ? "" : "?")));
    const schema = parameter.schema ?? {};
    row.append(make("td", schema.$ref ? schema.$ref.split("/").pop() : JSON.stringify(schema)));
    table.append(row);
  }
  return table;
}

function trial(parts, title, what, role, send) {
  const box = make("details");
  const summary = make("summary");
  summary.append(make("code", title), make("span", what, "what"), make("span", role ?? "open", "role"));
  const run = make("button", "Try");
  run.type = "button";
  const said = make("pre");
  const status = make("span");
  run.addEventListener("click", async () => {
    run.disabled = true;
    status.textContent = " waiting";
    try {
      const answer = await send();
      const wrong = !answer.ok || /^\s*{"jsonrpc":"2.0","error"/.test(answer.text);
      status.textContent = ` ${answer.status}, ${answer.ms.toFixed(1)} ms`;
      status.className = wrong ? "bad" : "good";
      said.textContent = pretty(answer.text);
    } catch (error) {
      status.textContent = ` ${error}`;
      status.className = "bad";
    } finally {
      run.disabled = false;
    }
  });
  box.append(summary, ...parts, run, status, said);
  return box;
}

function methodBox(method, components) {
  const text = make("textarea");
  text.setAttribute("aria-label", `parameters of ${method.name}`);
  const given = SAMPLES[method.name] ?? Object.fromEntries(
    method.params.filter((each) => each.required).map((each) => [each.name, example(each.schema, components)]),
  );
  text.value = JSON.stringify(given, null, 2);
  const send = () => ask("POST", "/rpc", `{"jsonrpc":"2.0","id":1,"method":${JSON.stringify(method.name)},"params":${text.value}}`);
  const box = trial([parameterTable(method.params), text], method.name, method.summary, method["x-role"], send);
  box.dataset.method = method.name;
  return box;
}

function routeBox(path, verb, operation, components) {
  const inputs = (operation.parameters ?? []).map((parameter) => {
    const input = make("input");
    input.name = parameter.name;
    input.placeholder = parameter.name;
    input.setAttribute("aria-label", parameter.name);
    input.dataset.place = parameter.in;
    return input;
  });
  const parts = [...inputs];
  let text;
  if (operation.requestBody) {
    text = make("textarea");
    text.setAttribute("aria-label", `body of ${operation.operationId}`);
    const sample = operation.operationId === "optimize" ? SAMPLES["engine.optimize"]
      : operation.operationId === "rpc" ? { jsonrpc: "2.0", id: 1, method: "host.health" } : {};
    text.value = JSON.stringify(sample, null, 2);
    parts.push(text);
  }
  const send = () => {
    let where = path;
    const query = new URLSearchParams();
    for (const input of inputs) {
      if (input.dataset.place === "path") where = where.replace(`{${input.name}}`, encodeURIComponent(input.value));
      else if (input.value) query.set(input.name, input.value);
    }
    const asked = query.toString();
    return ask(verb.toUpperCase(), asked ? `${where}?${asked}` : where, text ? text.value : undefined);
  };
  const box = trial(parts, `${verb.toUpperCase()} ${path}`, operation.summary, operation["x-role"], send);
  box.dataset.operation = operation.operationId;
  return box;
}

async function load() {
  $("state").textContent = "Loading";
  const discovered = await ask("POST", "/rpc", '{"jsonrpc":"2.0","id":1,"method":"rpc.discover"}');
  const openapi = await ask("GET", "/openapi.json");
  if (!discovered.ok || !openapi.ok) {
    $("state").textContent = discovered.status === 401 ? "This host asks for a token: give one above, and load." : `The host said ${discovered.status}.`;
    return;
  }
  const rpc = JSON.parse(discovered.text).result;
  const rest = JSON.parse(openapi.text);
  $("version").textContent = rpc.info.version;
  const here = (method) => !method["x-websocket-only"];
  $("methods").replaceChildren(...rpc.methods.filter(here).map((method) => methodBox(method, rpc.components.schemas)));
  const boxes = [];
  for (const [path, verbs] of Object.entries(rest.paths)) {
    for (const [verb, operation] of Object.entries(verbs)) {
      if (["/ws", "/events", "/docs", "/docs/{asset}"].includes(path)) continue;
      boxes.push(routeBox(path, verb, operation, rest.components.schemas));
    }
  }
  $("routes").replaceChildren(...boxes);
  $("state").textContent = `${rpc.methods.length} methods, ${boxes.length} routes`;
}

let listening;

async function listen(event) {
  event.preventDefault();
  if (listening) {
    listening.abort();
    listening = undefined;
    $("listen").textContent = "Listen";
    return;
  }
  listening = new AbortController();
  $("listen").textContent = "Stop";
  const lines = [];
  try {
    const where = `/events?topics=${encodeURIComponent($("topics").value)}`;
    const response = await fetch(where, { headers: headers(), signal: listening.signal });
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      lines.push(...value.split("\n").filter((line) => line.startsWith("data: ") || !response.ok));
      lines.splice(0, Math.max(0, lines.length - 200));
      $("events").textContent = plain(lines.join("\n"));
    }
  } catch (error) {
    if (error.name !== "AbortError") $("events").textContent += `\n${error}`;
  }
}

$("load").addEventListener("click", load);
$("events-form").addEventListener("submit", listen);
load().catch((error) => { $("state").textContent = String(error); });
