variable "object_store" {
  description = "\"minio\" or \"aws\"."
  type        = string
  default     = "minio"
}

variable "s3_endpoint" {
  description = "URL of the MinIO server; it must be https."
  type        = string
  default     = null

  validation {
    condition     = var.object_store != "minio" || startswith(coalesce(var.s3_endpoint, "-"), "https://")
    error_message = "With object_store \"minio\", s3_endpoint is its https:// URL."
  }
}

variable "region" {
  description = "Region."
  type        = string
  default     = "us-east-1"
}

variable "name_prefix" {
  description = "Stands before every bucket, policy, user and role."
  type        = string
  default     = "citybrain-prod"
}

variable "encryption" {
  description = "Encryption at rest. On MinIO, \"AES256\" and \"aws:kms\" need its KMS to be set up."
  type        = string
  default     = "AES256"
}

variable "kms_key_id" {
  description = "Key for \"aws:kms\"."
  type        = string
  default     = null
}

variable "noncurrent_days" {
  description = "Days for which overwritten and deleted versions are kept."
  type        = number
  default     = 90
}

variable "backup_days" {
  description = "Days for which backups are kept."
  type        = number
  default     = 365
}

variable "secrets_file" {
  description = "MinIO: file outside git for the users' secret keys; hand it to the cluster as a Secret and remove it."
  type        = string
  default     = null

  validation {
    condition     = var.object_store != "minio" || var.secrets_file != null
    error_message = "With object_store \"minio\", secrets_file says where the users' secret keys are put."
  }
}

variable "python" {
  description = "MinIO: Python with the `minio` package."
  type        = string
  default     = "python3"
}

variable "key_generation" {
  description = "MinIO: raise it to give every user a new secret key."
  type        = number
  default     = 1
}

variable "kubernetes" {
  description = "AWS: OIDC provider and namespace of the cluster."
  type = object({
    oidc_provider_arn = string
    oidc_issuer       = string
    namespace         = string
  })
  default = null

  validation {
    condition     = var.object_store != "aws" || var.kubernetes != null
    error_message = "With object_store \"aws\", kubernetes names the OIDC provider whose service accounts take the roles."
  }
}
