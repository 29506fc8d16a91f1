variable "name" {
  description = "Bucket name."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.name))
    error_message = "A bucket name has 3 to 63 lower-case letters, digits and hyphens, and starts and ends with a letter or digit."
  }
}

variable "object_store" {
  description = "Kind of S3 server. \"minio\" leaves out what MinIO does not have: public access blocks and ownership controls."
  type        = string

  validation {
    condition     = contains(["minio", "aws"], var.object_store)
    error_message = "object_store is \"minio\" or \"aws\"."
  }
}

variable "noncurrent_days" {
  description = "Days for which a version that was overwritten or deleted is kept."
  type        = number
  default     = 30

  validation {
    condition     = var.noncurrent_days >= 1 && floor(var.noncurrent_days) == var.noncurrent_days
    error_message = "noncurrent_days is a whole number of at least 1: without it a deletion by mistake could not be undone."
  }
}

variable "expire_after_days" {
  description = "Prefix => days after which its objects are deleted. A prefix that is not named is kept for ever."
  type        = map(number)
  default     = {}

  validation {
    condition     = alltrue([for prefix, days in var.expire_after_days : endswith(prefix, "/") && days >= 1])
    error_message = "Each prefix ends with a slash (the whole bucket never expires) and has at least 1 day."
  }
}

variable "encryption" {
  description = "Encryption at rest: \"none\" (the disks are encrypted), \"AES256\" (keys of the server) or \"aws:kms\"."
  type        = string
  default     = "AES256"

  validation {
    condition     = contains(["none", "AES256", "aws:kms"], var.encryption)
    error_message = "encryption is \"none\", \"AES256\" or \"aws:kms\"."
  }
}

variable "kms_key_id" {
  description = "Key for \"aws:kms\"."
  type        = string
  default     = null
}

variable "tls_only" {
  description = "Refuse requests without TLS."
  type        = bool
  default     = true
}

variable "force_destroy" {
  description = "Let `terraform destroy` delete a bucket that still holds objects."
  type        = bool
  default     = false
}

variable "tags" {
  description = "Tags of the bucket."
  type        = map(string)
  default     = {}
}
