// Owns a request as the code that makes it. The token is not in it: whoever pastes code somewhere shows it.

const TOKEN = "TOKEN";
const address = () => new URL("v1/synthesizeSpeech", document.baseURI).href;

function curl(body, format) {
  const json = JSON.stringify({ ...body, response_format: format }).replaceAll("'", "'\\''");
  return [`curl -f '${address()}'`, `-H 'user-token: ${TOKEN}'`, "-H 'content-type: application/json'", `-d '${json}'`, `-o speech.${format}`].join(" \\\n  ");
}

/** The bodies hold texts and numbers alone, which Python writes as JSON does. */
function python(body, format) {
  const fields = Object.entries({ ...body, response_format: format }).map(([name, value]) => `        "${name}": ${JSON.stringify(value)},`);
  return [
    "import httpx",
    "",
    "answer = httpx.post(",
    `    "${address()}",`,
    `    headers={"user-token": "${TOKEN}"},`,
    "    json={",
    ...fields,
    "    },",
    "    timeout=60,",
    ")",
    "answer.raise_for_status()",
    `open("speech.${format}", "wb").write(answer.content)`,
  ].join("\n");
}

function javascript(body, format) {
  return [
    `const answer = await fetch("${address()}", {`,
    '  method: "POST",',
    `  headers: { "user-token": "${TOKEN}", "content-type": "application/json" },`,
    `  body: JSON.stringify(${JSON.stringify({ ...body, response_format: format }, null, 2).replaceAll("\n", "\n  ")}),`,
    "});",
    "if (!answer.ok) throw new Error(await answer.text());",
    "const sound = await answer.blob();",
  ].join("\n");
}

export const LANGUAGES = { curl, Python: python, JavaScript: javascript };
