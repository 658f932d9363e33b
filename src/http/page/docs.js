"use strict";

// Shows openapi.json as a page: each route with its fields, its answers, and how it is called.

function node(name, content = [], attributes = {}) {
  const element = document.createElement(name);
  Object.assign(element, attributes);
  element.append(...[content].flat());
  return element;
}

const code = (text) => node("code", text);
const row = (cells, kind = "td") => node("tr", cells.map((cell) => node(kind, cell)));
const table = (head, rows) => node("table", [node("thead", row(head, "th")), node("tbody", rows)]);

class Reference {
  constructor(description) {
    this.description = description;
  }

  resolve(schema) {
    const name = schema?.$ref?.split("/").pop();
    return name ? this.description.components.schemas[name] : schema;
  }

  /** What values a schema takes, in a word or two. */
  kind(schema) {
    const one = this.resolve(schema) ?? {};
    const all = one.oneOf ?? one.anyOf;
    if (all) return all.map((each) => this.kind(each)).filter((kind) => kind !== "null").join(" or ");
    const types = [one.type ?? "any"].flat().filter((type) => type !== "null");
    return types.includes("array") ? `list of ${this.kind(one.items)}` : types.join(" or ");
  }

  bounds({ minimum, maximum, pattern }) {
    if (pattern) return pattern.replace(/[\^$()]/g, "").split("|").join(", ");
    if (minimum === undefined && maximum === undefined) return "";
    return `${minimum ?? ""} to ${maximum ?? ""}`;
  }

  fields(schema) {
    const { properties = {}, required = [] } = this.resolve(schema) ?? {};
    const rows = Object.entries(properties).map(([name, property]) => {
      const one = { ...this.resolve(property), ...property };
      const kind = [this.kind(property), this.bounds(one)].filter(Boolean).join("; ");
      return row([code(name), kind + (required.includes(name) ? " (required)" : ""), one.description ?? ""]);
    });
    return rows.length ? [table(["field", "values", "meaning"], rows)] : [];
  }

  operation(path, method, operation) {
    const content = operation.requestBody?.content?.["application/json"]?.schema;
    const parts = [node("h3", `${method.toUpperCase()} ${path}`), node("p", operation.summary ?? "")];
    if (operation.description) parts.push(node("p", operation.description));
    if (content) parts.push(...this.fields(content));
    const answers = Object.entries(operation.responses).map(([status, answer]) => {
      const kinds = Object.keys(answer.content ?? {});
      return row([code(status), answer.description, kinds.join(", ")]);
    });
    parts.push(table(["status", "answer", "content"], answers));
    const json = operation.responses["200"]?.content?.["application/json"]?.schema;
    const fields = this.fields(json);
    if (fields.length) parts.push(node("details", [node("summary", "Fields of the answer"), ...fields]));
    parts.push(node("details", [node("summary", "Examples"), ...this.examples(path, method, content)]));
    return node("section", parts, { className: "sheet" });
  }

  /** The same call by curl, Python and JavaScript. */
  examples(path, method, content) {
    const url = new URL(path.replace("{id}", "en_US-joe-medium").slice(1), document.baseURI).href;
    const { properties = {}, required = [] } = this.resolve(content) ?? {};
    const body = Object.fromEntries(required.map((name) => [name, properties[name]?.example ?? "Hello."]));
    const json = content ? JSON.stringify(body) : null;
    const curl = [`curl -X ${method.toUpperCase()} -H 'user-token: TOKEN'`];
    if (json) curl.push(`-H 'content-type: application/json' -d '${json}'`);
    curl.push(`-o answer '${url}'`);
    const python = [
      "import httpx",
      "",
      `answer = httpx.request("${method.toUpperCase()}", "${url}", headers={"user-token": "TOKEN"}${json ? `, json=${json}` : ""})`,
      "answer.raise_for_status()",
      'open("answer", "wb").write(answer.content)',
    ];
    const script = [
      `const answer = await fetch("${url}", {`,
      `  method: "${method.toUpperCase()}",`,
      `  headers: { "user-token": "TOKEN"${json ? ', "content-type": "application/json"' : ""} },`,
      ...(json ? [`  body: JSON.stringify(${json}),`] : []),
      "});",
      "const bytes = await answer.arrayBuffer();",
    ];
    const shown = [["curl", curl.join(" \\\n  ")], ["Python", python.join("\n")], ["JavaScript", script.join("\n")]];
    return shown.flatMap(([name, text]) => [node("p", name), node("pre", text)]);
  }

  page() {
    const { info, tags, paths } = this.description;
    const all = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ path, method, operation })));
    const sections = tags.map(({ name, description }) => {
      const own = all.filter(({ operation }) => operation.tags?.includes(name));
      return [node("h2", description), ...own.map(({ path, method, operation }) => this.operation(path, method, operation))];
    });
    return [node("p", `Version ${info.version}. ${info.description}`), ...sections.flat()];
  }
}

fetch("openapi.json")
  .then((response) => response.json())
  .then((description) => document.getElementById("reference").replaceChildren(...new Reference(description).page()))
  .catch((error) => document.getElementById("reference").replaceChildren(node("p", error.message, { className: "wrong" })));
