// Takes every outcome that its queue announces: node consumer.mjs QUEUE_URL
// An outcome may come twice. Handling it twice must give the same result: here a file is written again.
import { writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { GetObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { DeleteMessageCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";

const [QueueUrl] = process.argv.slice(2);
const Bucket = process.env.RESULTS_BUCKET;
const s3 = new S3Client({});
const sqs = new SQSClient({});
const read = async (Key) => (await s3.send(new GetObjectCommand({ Bucket, Key }))).Body;

async function take(result) {
  const order = result.metadata.order ?? "unknown";
  if (result.error) return console.log(`${order}: ${result.error.code}: ${result.error.message}`);
  const { key } = result.images.at(-1);
  const target = `consumed-${order}-${basename(key)}`;
  await writeFile(target, await (await read(key)).transformToByteArray());
  console.log(`${order}: ${target}`);
}

for (;;) {
  const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 20 }));
  for (const { Body, ReceiptHandle } of Messages) {
    const { key } = JSON.parse(Body).detail.object; // as it is, not form-encoded
    await take(JSON.parse(await (await read(key)).transformToString()));
    // Last, so that whatever breaks before it brings the outcome back.
    await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
  }
}
