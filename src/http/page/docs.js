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

  isOpen(operation) {
    return operation.security?.some((way) => Object.keys(way).length === 0) ?? false;
  }

  operation(path, method, operation) {
    const parts = [node("h3", `${method.toUpperCase()} ${path}`), node("p", prose(operation.summary))];
    if (operation.description) parts.push(node("p", prose(operation.description)));
    if (this.isOpen(operation)) parts.push(node("p", "Asks for no token."));
    parts.push(...this.parameters(operation));
    const body = this.body(operation);
    if (body) parts.push(...this.fields(body));
    const answers = Object.entries(operation.responses).map(([status, answer]) => {
      const kinds = Object.keys(answer.content ?? {}).filter((kind) => kind !== ANY_BYTES);
      return row([code(status), prose(answer.description), kinds.join(", ")]);
    });
    parts.push(...table(["status", "answer", "content"], answers));
    const [success] = Object.entries(operation.responses).filter(([status]) => status.startsWith("2")).map(([, answer]) => answer);
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

  /** The path with something in each of its places. */
  address(path, operation) {
    const filled = (operation.parameters ?? []).filter((parameter) => parameter.in === "path")
      .reduce((path, { name, example }) => path.replace(`{${name}}`, example ?? name.toUpperCase()), path);
    return new URL(filled.slice(1), document.baseURI).href;
  }

  /** The same call by curl, Python and JavaScript. */
  examples(path, method, operation) {
    const verb = method.toUpperCase();
    const url = this.address(path, operation);
    const schema = this.body(operation);
    const json = schema ? JSON.stringify(this.example(schema)) : null;
    const token = this.isOpen(operation) ? [] : [["user-token", "TOKEN"]];
    const type = json ? [["content-type", "application/json"]] : [];
    const headers = Object.fromEntries([...token, ...type]);
    const curl = [
      `curl${verb === "GET" || json ? "" : ` -X ${verb}`} -f`,
      ...Object.entries(headers).map(([name, value]) => `-H '${name}: ${value}'`),
      ...(json ? [`-d '${json}'`] : []),
      `-o answer '${url}'`,
    ];
    const python = [
      "import httpx",
      "",
      "answer = httpx.request(",
      `    "${verb}", "${url}",`,
      ...(token.length ? ['    headers={"user-token": "TOKEN"},'] : []),
      ...(json ? [`    json=${json},`] : []),
      ")",
      "answer.raise_for_status()",
      'open("answer", "wb").write(answer.content)',
    ];
    const script = [
      `const answer = await fetch("${url}", {`,
      `  method: "${verb}",`,
      `  headers: ${JSON.stringify(headers)},`,
      ...(json ? [`  body: JSON.stringify(${json}),`] : []),
      "});",
      "const bytes = await answer.arrayBuffer();",
    ];
    const shown = [["curl", curl.join(" \\\n  ")], ["Python", python.join("\n")], ["JavaScript", script.join("\n")]];
    return shown.flatMap(([name, text]) => [node("p", name), node("pre", text)]);
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
