// Asks for a picture and waits for it: node producer.mjs mug.jpg "make it night" order-4711
// Run again with the same order it pays nothing: the request's id is the order's, and its outcome is there already.
import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { basename, extname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";

const { UPLOADS_BUCKET, RESULTS_BUCKET, REQUESTS_QUEUE_URL } = process.env;
const s3 = new S3Client({});
const sqs = new SQSClient({});
const sha256 = (data) => createHash("sha256").update(data).digest("hex");

// The message group of a thread: its id in NFC, or the SHA-256 where SQS does not take that.
const group = (thread) => (/^[!-~]{1,128}$/.test(thread) ? thread : sha256(thread));

// A folder whose name begins with a dot starts nothing, so the picture waits there for its request.
async function upload(photo) {
  const data = await readFile(photo);
  const Key = `.client/${sha256(data)}/${basename(photo).normalize("NFC")}`;
  await s3.send(new PutObjectCommand({ Bucket: UPLOADS_BUCKET, Key, Body: data }));
  return `s3://${UPLOADS_BUCKET}/${Key}`;
}

async function read(Key) {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket: RESULTS_BUCKET, Key }));
  return Body;
}

// The outcome of a request lies in its turn's folder, or by its message's id where it took no turn.
async function outcome(thread, requestId, messageId, seconds = 300) {
  const folder = new RegExp(`^[0-9]{5}-${sha256(requestId).slice(0, 8)}/result\\.json$`);
  for (const until = Date.now() + seconds * 1000; Date.now() < until; await sleep(500)) {
    for (const Prefix of [`threads/${thread}/`, `rejected/messages/${messageId}/`]) {
      const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: RESULTS_BUCKET, Prefix }));
      const found = Contents.find(({ Key }) => folder.test(Key.slice(Prefix.length)) || Key.startsWith("rejected/"));
      if (found) return JSON.parse(await (await read(found.Key)).transformToString());
    }
  }
  throw new Error(`${requestId} has not ended after ${seconds} s; it goes on by itself`);
}

const [photo, instruction, order] = process.argv.slice(2);
const thread = `orders/${order}`.normalize("NFC");
const body = {
  thread_id: thread, request_id: order, instruction, images: [await upload(photo)], metadata: { order },
};
const MessageBody = JSON.stringify(body);
const { MessageId } = await sqs.send(
  new SendMessageCommand({
    QueueUrl: REQUESTS_QUEUE_URL,
    MessageBody,
    MessageGroupId: group(thread),
    // Two orders never share it, nor do two requests that carry the same id by mistake.
    MessageDeduplicationId: sha256(`${thread}\n${order}\n${MessageBody}`),
  }),
);
const result = await outcome(thread, order, MessageId);
if (result.error) {
  console.error(`${result.error.code}: ${result.error.message}. ${result.error.hint ?? ""}`);
  process.exit(1);
}
const { key } = result.images.at(-1);
const target = `${order}${extname(key)}`;
await writeFile(target, await (await read(key)).transformToByteArray());
console.log(`turn ${result.turn}: ${target}`);
