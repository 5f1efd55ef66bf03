"""The threads table: everything that Darkroom stores in DynamoDB, a module for each port."""
