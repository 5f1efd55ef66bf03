// A person's program with the AWS SDK for JavaScript v3: node --input-type=module - VERB … < upload.mjs
import { createReadStream } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { CopyObjectCommand, HeadObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";

const s3 = new S3Client({});
const Bucket = process.env.UPLOADS_BUCKET;
const mtime = async (file) => ({ mtime: String((await stat(file)).mtimeMs / 1000) });

// Metadata is ASCII: other words as RFC 8187.
const header = (words) => (/^[ -~]*$/.test(words) ? words : `UTF-8''${encodeURIComponent(words)}`);

// In parts of 5 MB, where it is larger than one.
async function put(file, Key, words) {
  const Metadata = { ...(await mtime(file)), ...(words && { instruction: header(words) }) };
  await new Upload({ client: s3, params: { Bucket, Key, Body: createReadStream(file), Metadata } }).done();
}

async function sync(folder, prefix) {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath, entry.name);
    const Key = prefix + file.slice(folder.length);
    await s3.send(new PutObjectCommand({ Bucket, Key, Body: await readFile(file), Metadata: await mtime(file) }));
  }
}

async function touch(Key) {
  const { Metadata } = await s3.send(new HeadObjectCommand({ Bucket, Key }));
  Metadata.mtime = String(Date.now() / 1000);
  const CopySource = [Bucket, ...Key.split("/")].map(encodeURIComponent).join("/");
  await s3.send(new CopyObjectCommand({ Bucket, Key, CopySource, Metadata, MetadataDirective: "REPLACE" }));
}

async function markFolder(Key) {
  await s3.send(new PutObjectCommand({ Bucket, Key, Body: "" }));
}

const [verb, ...words] = process.argv.slice(2);
await { put, sync, touch, markFolder }[verb](...words);
