# What the bucket module plans, without a server.

mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
}

variables {
  name         = "citybrain-test"
  object_store = "aws"
}

run "aws_bucket_is_versioned_private_and_encrypted" {
  command = plan

  assert {
    condition     = aws_s3_bucket_versioning.this.versioning_configuration[0].status == "Enabled"
    error_message = "a bucket must be versioned"
  }

  assert {
    condition     = aws_s3_bucket_public_access_block.this[0].block_public_policy
    error_message = "a bucket must not become public"
  }

  assert {
    condition     = length(aws_s3_bucket_server_side_encryption_configuration.this) == 1
    error_message = "a bucket must be encrypted unless told otherwise"
  }

  assert {
    condition     = length(aws_s3_bucket_policy.this) == 1
    error_message = "plain-text transport must be refused unless told otherwise"
  }

  assert {
    condition     = !aws_s3_bucket.this.force_destroy
    error_message = "a bucket with objects must not be destroyed unless told otherwise"
  }

  assert {
    condition     = join(",", aws_s3_bucket_lifecycle_configuration.this[0].rule[*].id) == "noncurrent-versions,incomplete-uploads"
    error_message = "without expire_after_days no current object may expire"
  }
}

run "minio_bucket_has_only_what_minio_knows" {
  command = plan

  variables {
    object_store      = "minio"
    encryption        = "none"
    tls_only          = false
    expire_after_days = { "landing/" = 90 }
  }

  assert {
    condition = (
      length(aws_s3_bucket_public_access_block.this) == 0 &&
      length(aws_s3_bucket_ownership_controls.this) == 0 &&
      length(aws_s3_bucket_lifecycle_configuration.this) == 0 &&
      length(aws_s3_bucket_server_side_encryption_configuration.this) == 0
    )
    error_message = "these resources fail on MinIO"
  }

  assert {
    condition     = join(",", aws_s3_bucket.this.lifecycle_rule[*].id) == "noncurrent-versions,expire-landing"
    error_message = "rules differ"
  }
}

run "the_whole_bucket_cannot_expire" {
  command = plan

  variables {
    expire_after_days = { "" = 1 }
  }

  expect_failures = [var.expire_after_days]
}

run "a_deletion_can_always_be_undone_for_a_day" {
  command = plan

  variables {
    noncurrent_days = 0
  }

  expect_failures = [var.noncurrent_days]
}

run "a_bucket_name_is_one_that_s3_takes" {
  command = plan

  variables {
    name = "City_Brain"
  }

  expect_failures = [var.name]
}
