// Calls the service through types that were made of its description.

import createClient from "openapi-fetch";
import type { paths } from "./api.ts";

declare const process: { argv: string[] };
const [address, token] = process.argv.slice(2);
const client = createClient<paths>({ baseUrl: `http://${address}`, headers: { "user-token": token } });

function expect(holds: boolean, what: unknown): asserts holds {
  if (!holds) throw new Error(JSON.stringify(what));
}

// Bytes are described as such, and not as a list of numbers.
type Sound = paths["/v1/synthesizeSpeech"]["post"]["responses"][200]["content"]["audio/wav"];
const isBytes: Sound extends unknown[] ? false : true = true;
expect(isBytes, "the type of sound");

const spoken = await client.POST("/v1/synthesizeSpeech", {
  body: { text: "A client that nobody wrote.", response_format: "wav" },
  parseAs: "arrayBuffer",
});
expect(spoken.data !== undefined, spoken.error);
const wav: ArrayBuffer = spoken.data;
expect(new TextDecoder().decode(wav.slice(0, 4)) === "RIFF" && wav.byteLength > 20_000, wav.byteLength);

const listed = await client.GET("/v1/voices");
expect(listed.data?.voices.some((voice) => voice.id === "en_US-joe-medium") ?? false, listed.error);

const refused = await client.POST("/v1/synthesizeSpeech", { body: { text: " " }, parseAs: "arrayBuffer" });
expect(refused.error?.error.param === "text", refused.error);
