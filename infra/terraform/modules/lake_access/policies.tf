# Who may do what. Nobody but `maintenance` can take a kept version away, and nobody at all can switch versioning off:
# what a stolen key deletes can be brought back.

locals {
  lake    = "arn:aws:s3:::${var.lake_bucket}"
  landing = "arn:aws:s3:::${var.landing_bucket}"
  backup  = "arn:aws:s3:::${var.backup_bucket}"

  look  = ["s3:GetBucketLocation", "s3:ListBucket"]
  write = ["s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]

  # Role => statements. Resources of `look` are buckets, of everything else objects.
  grants = {
    # Trino, serve: read the tables, nothing else.
    reader = [
      { actions = local.look, resources = [local.lake] },
      { actions = ["s3:GetObject"], resources = ["${local.lake}/*"] },
    ]
    # Nessie, pipeline, Spark: write tables and remove their own files; read what was delivered.
    writer = [
      { actions = concat(local.look, ["s3:ListBucketMultipartUploads"]), resources = [local.lake] },
      { actions = concat(local.write, ["s3:GetObject", "s3:DeleteObject"]), resources = ["${local.lake}/*"] },
      { actions = local.look, resources = [local.landing] },
      { actions = concat(local.write, ["s3:GetObject"]), resources = ["${local.landing}/*"] },
    ]
    # The departments' gateway: deliver, and neither read nor remove.
    landing = [
      { actions = ["s3:GetBucketLocation"], resources = [local.landing] },
      { actions = local.write, resources = ["${local.landing}/*"] },
    ]
    # Backup and clean-up by hand: also old versions.
    maintenance = [
      {
        actions   = concat(local.look, ["s3:ListBucketVersions", "s3:ListBucketMultipartUploads"]),
        resources = [local.lake, local.landing, local.backup],
      },
      {
        actions = concat(local.write, [
          "s3:GetObject", "s3:GetObjectVersion", "s3:DeleteObject", "s3:DeleteObjectVersion",
        ]),
        resources = ["${local.lake}/*", "${local.backup}/*"],
      },
      { actions = ["s3:GetObject", "s3:GetObjectVersion"], resources = ["${local.landing}/*"] },
    ]
  }
}

data "aws_iam_policy_document" "role" {
  for_each = local.grants

  dynamic "statement" {
    for_each = each.value

    content {
      effect    = "Allow"
      actions   = statement.value.actions
      resources = statement.value.resources
    }
  }

  dynamic "statement" {
    for_each = each.key == "maintenance" ? [] : [1]

    content {
      effect    = "Deny"
      actions   = ["s3:DeleteObjectVersion"]
      resources = ["${local.lake}/*", "${local.landing}/*", "${local.backup}/*"]
    }
  }

  dynamic "statement" {
    for_each = var.tls_only ? [1] : []

    content {
      effect    = "Deny"
      actions   = ["s3:*"]
      resources = flatten([for bucket in [local.lake, local.landing, local.backup] : [bucket, "${bucket}/*"]])

      condition {
        test     = "Bool"
        variable = "aws:SecureTransport"
        values   = ["false"]
      }
    }
  }

  statement {
    effect    = "Deny"
    actions   = ["s3:DeleteBucket", "s3:PutBucketVersioning", "s3:PutBucketPolicy", "s3:PutLifecycleConfiguration"]
    resources = [local.lake, local.landing, local.backup]
  }
}
