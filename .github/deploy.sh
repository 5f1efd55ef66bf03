#!/usr/bin/env bash
# Builds the release in a folder, and deploys it: .github/deploy.sh FOLDER
# The environment names the stack and what examples/pipeline.yaml has made: STACK, ARTIFACTS_BUCKET, EXECUTION_ROLE_ARN.
# PARAMETERS are `Name=value` pairs, with spaces or line breaks between them. What they do not name stays as it is.
set -euo pipefail
cd "$1"

parameters=()
if [ -n "${PARAMETERS:-}" ]; then
  read -r -d "" -a pairs <<<"$PARAMETERS" || true # it ends with the text, which read takes for a failure
  parameters=(--parameter-overrides "${pairs[@]}")
fi

# samconfig.toml is for a person at a terminal; no part of it is called so.
sam build --config-env pipeline --parallel
sam deploy --config-env pipeline --no-confirm-changeset --no-fail-on-empty-changeset --no-progressbar \
  --stack-name "$STACK" --s3-bucket "$ARTIFACTS_BUCKET" --s3-prefix "$STACK" --role-arn "$EXECUTION_ROLE_ARN" \
  --capabilities CAPABILITY_IAM CAPABILITY_AUTO_EXPAND --tags application=darkroom "${parameters[@]}"
