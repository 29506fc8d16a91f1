# What production insists on.

mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = {
      json          = "{\"Version\":\"2012-10-17\",\"Statement\":[]}"
      minified_json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}"
    }
  }
}

variables {
  s3_endpoint  = "https://minio.city.example:9000"
  secrets_file = "unused.json"
}

run "minio_in_production_is_planned_in_full" {
  command = plan

  assert {
    condition     = toset(keys(output.buckets)) == toset(["lake", "landing", "backup"])
    error_message = "buckets differ"
  }
}

run "minio_without_tls_is_refused" {
  command = plan

  variables {
    s3_endpoint = "http://minio.city.example:9000"
  }

  expect_failures = [var.s3_endpoint]
}

run "minio_without_a_place_for_keys_is_refused" {
  command = plan

  variables {
    secrets_file = null
  }

  expect_failures = [var.secrets_file]
}

run "aws_without_its_oidc_provider_is_refused" {
  command = plan

  variables {
    object_store = "aws"
  }

  expect_failures = [var.kubernetes]
}

run "aws_in_production_is_planned_in_full" {
  command = plan

  variables {
    object_store = "aws"
    s3_endpoint  = null
    secrets_file = null
    kubernetes = {
      oidc_provider_arn = "arn:aws:iam::123456789012:oidc-provider/oidc.city.example"
      oidc_issuer       = "oidc.city.example"
      namespace         = "citybrain"
    }
  }

  assert {
    condition     = length(output.users) == 0
    error_message = "there must be no long-lived key on AWS"
  }
}
