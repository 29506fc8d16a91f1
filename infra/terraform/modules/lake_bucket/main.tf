# One private, versioned bucket: a deletion by mistake can be undone for `noncurrent_days`.

locals {
  is_aws = var.object_store == "aws"
  expiring = {
    for prefix, days in var.expire_after_days : "expire-${trim(replace(prefix, "/[^A-Za-z0-9]+/", "-"), "-")}" => { prefix = prefix, days = days }
  }
}

resource "aws_s3_bucket" "this" {
  bucket        = var.name
  force_destroy = var.force_destroy
  tags          = var.tags

  # The newer resource below waits for a header that only AWS sends, and so never ends on another server
  # (hashicorp/terraform-provider-aws#49019). These older blocks set and compare the same rules without it.
  dynamic "lifecycle_rule" {
    for_each = local.is_aws ? [] : [1]

    content {
      id      = "noncurrent-versions"
      enabled = true
      prefix  = ""

      noncurrent_version_expiration {
        days = var.noncurrent_days
      }

      expiration {
        expired_object_delete_marker = true
      }
    }
  }

  dynamic "lifecycle_rule" {
    for_each = local.is_aws ? {} : local.expiring

    content {
      id      = lifecycle_rule.key
      enabled = true
      prefix  = lifecycle_rule.value.prefix

      expiration {
        days = lifecycle_rule.value.days
      }
    }
  }
}

resource "aws_s3_bucket_versioning" "this" {
  bucket = aws_s3_bucket.this.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  count  = local.is_aws ? 1 : 0
  bucket = aws_s3_bucket_versioning.this.bucket

  rule {
    id     = "noncurrent-versions"
    status = "Enabled"

    filter {
      prefix = ""
    }

    noncurrent_version_expiration {
      noncurrent_days = var.noncurrent_days
    }

    expiration {
      expired_object_delete_marker = true
    }
  }

  # MinIO ends uploads that stand still by itself, after a day.
  rule {
    id     = "incomplete-uploads"
    status = "Enabled"

    filter {
      prefix = ""
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 2
    }
  }

  dynamic "rule" {
    for_each = local.expiring

    content {
      id     = rule.key
      status = "Enabled"

      filter {
        prefix = rule.value.prefix
      }

      expiration {
        days = rule.value.days
      }
    }
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  count  = var.encryption == "none" ? 0 : 1
  bucket = aws_s3_bucket.this.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm     = var.encryption
      kms_master_key_id = var.kms_key_id
    }
  }
}

data "aws_iam_policy_document" "bucket" {
  statement {
    sid       = "DenyPlaintextTransport"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = ["arn:aws:s3:::${var.name}", "arn:aws:s3:::${var.name}/*"]

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_s3_bucket_policy" "this" {
  count  = var.tls_only ? 1 : 0
  bucket = aws_s3_bucket.this.id
  policy = data.aws_iam_policy_document.bucket.json
}

resource "aws_s3_bucket_public_access_block" "this" {
  count                   = local.is_aws ? 1 : 0
  bucket                  = aws_s3_bucket.this.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  count  = local.is_aws ? 1 : 0
  bucket = aws_s3_bucket.this.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}
