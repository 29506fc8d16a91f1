# One developer's or tester's lake on a MinIO of their own. State stays in this folder.

terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
}

# Keys come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.
provider "aws" {
  region                      = var.region
  s3_use_path_style           = true
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_region_validation      = true
  skip_requesting_account_id  = true

  endpoints {
    s3 = var.s3_endpoint
  }
}

locals {
  tags = { application = "citybrain", environment = "dev" }
}

module "lake" {
  source            = "../../modules/lake_bucket"
  name              = "${var.name_prefix}-lake"
  object_store      = "minio"
  noncurrent_days   = var.noncurrent_days
  expire_after_days = { "scratch/" = 1 }
  encryption        = "none"
  tls_only          = var.tls_only
  force_destroy     = true
  tags              = local.tags
}

module "landing" {
  source            = "../../modules/lake_bucket"
  name              = "${var.name_prefix}-landing"
  object_store      = "minio"
  noncurrent_days   = var.noncurrent_days
  expire_after_days = { "landing/" = var.landing_days }
  encryption        = "none"
  tls_only          = var.tls_only
  force_destroy     = true
  tags              = local.tags
}

module "backup" {
  source            = "../../modules/lake_bucket"
  name              = "${var.name_prefix}-backup"
  object_store      = "minio"
  noncurrent_days   = var.noncurrent_days
  expire_after_days = { "backup/" = 14 }
  encryption        = "none"
  tls_only          = var.tls_only
  force_destroy     = true
  tags              = local.tags
}

module "access" {
  source         = "../../modules/lake_access"
  name_prefix    = var.name_prefix
  object_store   = "minio"
  lake_bucket    = module.lake.name
  landing_bucket = module.landing.name
  backup_bucket  = module.backup.name
  tls_only       = var.tls_only

  minio = {
    endpoint     = var.s3_endpoint
    python       = var.python
    secrets_file = var.secrets_file
    generation   = var.key_generation
  }
}
