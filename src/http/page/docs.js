"use strict";

// Shows openapi.json as a page: each route with its parameters, its fields, its answers, and how it is called.

function node(name, content = [], attributes = {}) {
  const element = document.createElement(name);
  Object.assign(element, attributes);
  element.append(...[content].flat());
  return element;
}

const code = (text) => node("code", text);
/** The name of a field within others, which is broken behind a full stop where there is no room for it. */
const path = (text) => node("code", text.split(/(?<=\.)/).flatMap((part) => [node("span", part), node("wbr")]));
/** What stands between backticks is code. */
const prose = (text = "") => text.split("`").map((part, at) => (at % 2 ? code(part) : part));
const row = (cells, kind = "td") => node("tr", cells.map((cell) => node(kind, cell)));
const table = (head, rows) => (rows.length ? [node("table", [node("thead", row(head, "th")), node("tbody", rows)])] : []);
const folded = (title, content) => (content.length ? [node("details", [node("summary", title), ...content])] : []);

/** How files are called in examples. */
const FILES = { model: "voice.onnx", config: "voice.onnx.json" };

/** A value as Python writes it. */
function literal(value) {
  if (Array.isArray(value)) return `[${value.map(literal).join(", ")}]`;
  if (value && typeof value === "object")
    return `{${Object.entries(value).map(([name, inner]) => `${literal(name)}: ${literal(inner)}`).join(", ")}}`;
  return { true: "True", false: "False", null: "None" }[String(value)] ?? JSON.stringify(value);
}

function curl({ verb, url, json, files, headers }) {
  const parts = [`curl${verb === "GET" || (json && verb === "POST") ? "" : ` -X ${verb}`} -f`];
  const all = json ? { ...headers, "content-type": "application/json" } : headers;
  parts.push(...Object.entries(all).map(([name, value]) => `-H '${name}: ${value}'`));
  if (json) parts.push(`-d '${JSON.stringify(json)}'`);
  if (files) parts.push(...files.map((name) => `-F ${name}=@${FILES[name]}`));
  return [[...parts, `-o answer '${url}'`].join(" \\\n  ")];
}

function python({ verb, url, json, files, headers }) {
  return [
    "import httpx",
    "",
    "answer = httpx.request(",
    `    "${verb}", "${url}",`,
    ...(Object.keys(headers).length ? [`    headers=${literal(headers)},`] : []),
    ...(json ? [`    json=${literal(json)},`] : []),
    ...(files ? [`    files={${files.map((name) => `"${name}": open("${FILES[name]}", "rb")`).join(", ")}},`] : []),
    "    timeout=60,",
    ")",
    "answer.raise_for_status()",
    'open("answer", "wb").write(answer.content)',
  ];
}

function script({ verb, url, json, files, headers }) {
  const all = json ? { ...headers, "content-type": "application/json" } : headers;
  return [
    ...(files ? ["// In a page, from an input of files.", "const form = new FormData();",
      ...files.map((name) => `form.append("${name}", document.getElementById("${name}").files[0]);`)] : []),
    `const answer = await fetch("${url}", {`,
    `  method: "${verb}",`,
    ...(Object.keys(all).length ? [`  headers: ${JSON.stringify(all)},`] : []),
    ...(json ? [`  body: JSON.stringify(${JSON.stringify(json)}),`] : []),
    ...(files ? ["  body: form,"] : []),
    "});",
    "if (!answer.ok) throw new Error(await answer.text());",
    "const bytes = await answer.arrayBuffer();",
  ];
}

/** What is said over a WebSocket, until what comes last. */
function socket({ url, headers }, messages, last) {
  return [
    "from websockets.sync.client import connect",
    "",
    `with connect("${url.replace(/^http/, "ws")}", additional_headers=${literal(headers)}) as socket:`,
    ...messages.map((message) => `    socket.send(${literal(JSON.stringify(message))})`),
    "    for answer in socket:",
    '        print(answer if isinstance(answer, str) else f"{len(answer)} bytes of sound")',
    ...(last ? [`        if isinstance(answer, str) and ${literal(last)} in answer:`, "            break"] : []),
  ];
}

/** Never sent: stands for all kinds of bytes to what generates clients. */
const ANY_BYTES = "application/octet-stream";

class Reference {
  constructor(description) {
    this.description = description;
  }

  /** A schema without references to others, and with its parts as one. */
  resolve(schema) {
    const name = schema?.$ref?.split("/").pop();
    const found = name ? this.description.components.schemas[name] : (schema ?? {});
    if (!found.allOf) return found;
    const parts = found.allOf.map((part) => this.resolve(part));
    const required = parts.flatMap((part) => part.required ?? []);
    return { ...found, type: "object", properties: Object.assign({}, ...parts.map((part) => part.properties)), required };
  }

  /** The alternatives of a schema, null left out. */
  kinds(schema) {
    const one = this.resolve(schema);
    const all = one.oneOf ?? one.anyOf;
    return all ? all.flatMap((each) => this.kinds(each)) : [one].filter((each) => each.type !== "null");
  }

  /** What values a schema takes, in a word or two. */
  kind(schema) {
    const named = (one) => {
      const types = [one.type ?? "any"].flat().filter((type) => type !== "null");
      return types.includes("array") ? `list of ${this.kind(one.items)}` : types.join(" or ");
    };
    return this.kinds(schema).map(named).join(" or ");
  }

  bounds({ minimum, maximum, pattern }) {
    if (pattern) return pattern.replace(/[\^$()]/g, "").split("|").join(", ");
    if (minimum !== undefined && maximum !== undefined) return `${minimum} to ${maximum}`;
    if (minimum !== undefined) return `from ${minimum}`;
    return maximum === undefined ? "" : `up to ${maximum}`;
  }

  /** What a field takes, as it is said in a table. */
  values(schema, required) {
    const one = { ...this.resolve(schema), ...schema };
    return [this.kind(schema), this.bounds(one), required ? "required" : ""].filter(Boolean).join("; ");
  }

  /** Rows of a schema's fields; those of fields that have fields themselves come below them. Of an answer's fields nothing is required. */
  rows(schema, isAnswer, before = "") {
    const { properties = {}, required = [] } = this.resolve(schema);
    return Object.entries(properties).flatMap(([name, property]) => {
      const meaning = property.description ?? this.resolve(property).description;
      const own = row([path(before + name), this.values(property, !isAnswer && required.includes(name)), prose(meaning)]);
      const inside = this.kinds(property).flatMap((one) =>
        one.type === "array" ? this.kinds(one.items).flatMap((item) => this.rows(item, isAnswer, `${before}${name}[].`))
          : this.rows(one, isAnswer, `${before}${name}.`));
      return [own, ...inside];
    });
  }

  fields(schema, isAnswer = false) {
    return table(["field", "values", "meaning"], this.rows(schema, isAnswer));
  }

  parameters(operation) {
    const rows = (operation.parameters ?? []).map(({ name, in: place, required, schema, description }) =>
      row([code(name), `${place}; ${this.values(schema, required)}`, prose(description)]));
    return table(["parameter", "values", "meaning"], rows);
  }

  /** What JSON a request sends. */
  body(operation) {
    return operation.requestBody?.content?.["application/json"]?.schema;
  }

  /** Which files it sends. */
  form(operation) {
    return operation.requestBody?.content?.["multipart/form-data"]?.schema;
  }

  isOpen(operation) {
    return operation.security?.some((way) => Object.keys(way).length === 0) ?? false;
  }

  /** Whom a route is for. */
  token(operation) {
    if (this.isOpen(operation)) return "Asks for no token.";
    const scopes = new Set((operation.security ?? []).flatMap((way) => Object.values(way).flat()));
    return scopes.size ? `Asks for a token with the scope \`${[...scopes].join("`, `")}\`.` : "Asks for a token.";
  }

  /** What an answer says beside its body. */
  headers(answer) {
    const rows = Object.entries(answer?.headers ?? {}).map(([name, { schema, description }]) =>
      row([code(name), this.kind(schema), prose(description)]));
    return table(["header", "values", "meaning"], rows);
  }

  operation(path, method, operation) {
    const parts = [node("h3", `${method.toUpperCase()} ${path}`), node("p", prose(operation.summary))];
    if (operation.description) parts.push(node("p", prose(operation.description)));
    parts.push(node("p", prose(this.token(operation))));
    parts.push(...this.parameters(operation));
    const body = this.body(operation) ?? this.form(operation);
    if (body) parts.push(...this.fields(body));
    const answers = Object.entries(operation.responses).map(([status, answer]) => {
      const kinds = Object.keys(answer.content ?? {}).filter((kind) => kind !== ANY_BYTES);
      return row([code(status), prose(answer.description), kinds.join(", ")]);
    });
    parts.push(...table(["status", "answer", "content"], answers));
    const [success] = Object.entries(operation.responses).filter(([status]) => status.startsWith("2")).map(([, answer]) => answer);
    parts.push(...folded("Headers of the answer", this.headers(success)));
    parts.push(...folded("Fields of the answer", this.fields(success?.content?.["application/json"]?.schema, true)));
    parts.push(...folded("Examples", this.examples(path, method, operation)));
    return node("section", parts, { className: "sheet" });
  }

  /** A value that a schema takes, with what is required and nothing more. */
  example(schema) {
    const one = { ...this.kinds(schema)[0], ...schema };
    if (one.example !== undefined) return one.example;
    const type = [one.type].flat().find((type) => type !== "null");
    if (type === "array") return [this.example(one.items)];
    if (type === "integer" || type === "number") return one.minimum ?? 1;
    if (type === "boolean") return true;
    if (type === "string") return "Hello.";
    const { properties = {}, required = [] } = one;
    return Object.fromEntries(required.map((name) => [name, this.example(properties[name])]));
  }

  /** The path with something in each of its places, and what has to stand in the query; `null` where nobody can say what that is. */
  address(path, operation) {
    const url = new URL(path.slice(1), document.baseURI);
    let filled = decodeURI(url.href);
    for (const { in: place, name, example, required } of operation.parameters ?? []) {
      if (place === "path") filled = filled.replace(`{${name}}`, example ?? name.toUpperCase());
      else if (required && example === undefined) return null;
      else if (required) filled += `${filled.includes("?") ? "&" : "?"}${name}=${encodeURIComponent(example)}`;
    }
    return filled;
  }

  /** The same call by curl, Python and JavaScript. */
  examples(path, method, operation) {
    const url = this.address(path, operation);
    if (url === null) return [];
    const call = {
      verb: method.toUpperCase(),
      url,
      json: this.body(operation) && this.example(this.body(operation)),
      files: this.form(operation) && this.resolve(this.form(operation)).required,
      headers: this.isOpen(operation) ? {} : { "user-token": "TOKEN" },
    };
    const messages = operation["x-messages"];
    const shown = messages ? [["Python", socket(call, messages, operation["x-last"])]]
      : [["curl", curl(call)], ["Python", python(call)], ["JavaScript", script(call)]];
    return shown.flatMap(([name, lines]) => [node("p", name), node("pre", lines.join("\n"))]);
  }

  /** How callers say who they are, and what they are told where something is wrong. */
  introduction() {
    const { components } = this.description;
    const ways = Object.entries(components.securitySchemes).map(([name, way]) => row([code(name), prose(way.description)]));
    return [
      node("h2", "Tokens"),
      node("section", table(["way", "how a token is sent"], ways), { className: "sheet" }),
      node("h2", "Errors"),
      node("section", [node("p", prose(components.schemas.ErrorBody.description)), ...this.fields(components.schemas.ErrorBody, true)], { className: "sheet" }),
    ];
  }

  page() {
    const { info, tags, paths } = this.description;
    const all = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ path, method, operation })));
    const sections = tags.map(({ name, description }) => {
      const own = all.filter(({ operation }) => operation.tags?.includes(name));
      return [node("h2", description), ...own.map(({ path, method, operation }) => this.operation(path, method, operation))];
    });
    return [node("p", `Version ${info.version}. ${info.description}`), ...this.introduction(), ...sections.flat()];
  }
}

fetch("openapi.json")
  .then((response) => response.json())
  .then((description) => document.getElementById("reference").replaceChildren(...new Reference(description).page()))
  .catch((error) => document.getElementById("reference").replaceChildren(node("p", error.message, { className: "wrong" })));
