# A city's lake: on its own MinIO cluster with TLS (the default: government networks), or on AWS or a cloud that speaks
# its API. Deliveries are kept for ever; buckets that hold objects cannot be destroyed.

terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }

  # Which bucket, and on which server, is told to `terraform init -backend-config=FILE`; backend.example.hcl shows it.
  backend "s3" {
    key          = "citybrain/prod.tfstate"
    encrypt      = true
    use_lockfile = true
  }
}

locals {
  is_minio = var.object_store == "minio"
  tags     = { application = "citybrain", environment = "prod" }
  buckets = {
    lake    = { noncurrent_days = var.noncurrent_days, expire_after_days = { "scratch/" = 3 } }
    landing = { noncurrent_days = 365, expire_after_days = {} }
    backup  = { noncurrent_days = var.noncurrent_days, expire_after_days = { "backup/" = var.backup_days } }
  }
}

# Keys come from the environment.
provider "aws" {
  region                      = var.region
  s3_use_path_style           = local.is_minio
  skip_credentials_validation = local.is_minio
  skip_metadata_api_check     = local.is_minio
  skip_region_validation      = local.is_minio
  skip_requesting_account_id  = local.is_minio

  dynamic "endpoints" {
    for_each = local.is_minio ? [1] : []

    content {
      s3 = var.s3_endpoint
    }
  }
}

module "bucket" {
  source   = "../../modules/lake_bucket"
  for_each = local.buckets

  name              = "${var.name_prefix}-${each.key}"
  object_store      = var.object_store
  noncurrent_days   = each.value.noncurrent_days
  expire_after_days = each.value.expire_after_days
  encryption        = var.encryption
  kms_key_id        = var.kms_key_id
  tls_only          = true
  force_destroy     = false
  tags              = local.tags
}

module "access" {
  source         = "../../modules/lake_access"
  name_prefix    = var.name_prefix
  object_store   = var.object_store
  lake_bucket    = module.bucket["lake"].name
  landing_bucket = module.bucket["landing"].name
  backup_bucket  = module.bucket["backup"].name
  tls_only       = true
  kubernetes     = var.kubernetes

  minio = local.is_minio ? {
    endpoint     = var.s3_endpoint
    python       = var.python
    secrets_file = var.secrets_file
    generation   = var.key_generation
  } : null
}
