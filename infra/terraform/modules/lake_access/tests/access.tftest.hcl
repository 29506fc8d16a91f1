# On AWS: a role for each kind of work, for one service account each, and no keys.

mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = {
      json          = "{\"Version\":\"2012-10-17\",\"Statement\":[]}"
      minified_json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}"
    }
  }

  mock_resource "aws_iam_policy" {
    defaults = { arn = "arn:aws:iam::123456789012:policy/mocked" }
  }

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/mocked" }
  }
}

variables {
  name_prefix    = "citybrain-test"
  lake_bucket    = "citybrain-test-lake"
  landing_bucket = "citybrain-test-landing"
  backup_bucket  = "citybrain-test-backup"
}

run "aws_gets_a_role_for_each_kind_of_work_and_no_user" {
  command = apply

  variables {
    object_store = "aws"
    kubernetes = {
      oidc_provider_arn = "arn:aws:iam::123456789012:oidc-provider/oidc.city.example"
      oidc_issuer       = "oidc.city.example"
      namespace         = "citybrain"
    }
  }

  assert {
    condition     = toset(keys(output.roles)) == toset(["reader", "writer", "landing", "maintenance"])
    error_message = "roles differ"
  }

  assert {
    condition     = length(output.users) == 0
    error_message = "there must be no long-lived key on AWS"
  }

  assert {
    condition = alltrue([
      for role, trust in data.aws_iam_policy_document.trust :
      contains(flatten([for c in trust.statement[0].condition : c.values]), "system:serviceaccount:citybrain:citybrain-${role}")
    ])
    error_message = "a role is for the service account of its own work"
  }

  assert {
    condition = alltrue([
      for role, policy in data.aws_iam_policy_document.role :
      role == "maintenance" || anytrue([
        for s in policy.statement : s.effect == "Deny" && contains(s.actions, "s3:DeleteObjectVersion")
      ])
    ])
    error_message = "only maintenance may take a kept version away"
  }

  assert {
    condition = alltrue([
      for s in data.aws_iam_policy_document.role["reader"].statement :
      s.effect == "Deny" || alltrue([for a in s.actions : startswith(a, "s3:Get") || a == "s3:ListBucket"])
    ])
    error_message = "a reader only reads"
  }
}

run "minio_plans_a_user_and_a_policy_for_each_kind_of_work" {
  command = plan

  variables {
    object_store = "minio"
    minio        = { endpoint = "http://127.0.0.1:9", secrets_file = "unused.json" }
  }

  assert {
    condition     = length(terraform_data.minio_user) == 4 && length(aws_iam_role.role) == 0
    error_message = "users differ"
  }
}

run "a_name_prefix_is_one_that_every_server_takes" {
  command = plan

  variables {
    object_store = "minio"
    name_prefix  = "City Brain"
    minio        = { endpoint = "http://127.0.0.1:9", secrets_file = "unused.json" }
  }

  expect_failures = [var.name_prefix]
}
