variable "name_prefix" {
  description = "Stands before every policy, user and role, so that environments on one server stay apart."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}$", var.name_prefix))
    error_message = "name_prefix has 2 to 31 lower-case letters, digits and hyphens, and starts with a letter."
  }
}

variable "object_store" {
  description = "\"minio\": policies and users by MinIO's admin API. \"aws\": IAM policies and roles for service accounts."
  type        = string

  validation {
    condition     = contains(["minio", "aws"], var.object_store)
    error_message = "object_store is \"minio\" or \"aws\"."
  }
}

variable "lake_bucket" {
  description = "Bucket of the tables."
  type        = string
}

variable "landing_bucket" {
  description = "Bucket of what the departments delivered."
  type        = string
}

variable "backup_bucket" {
  description = "Bucket of the backups."
  type        = string
}

variable "tls_only" {
  description = "Refuse requests without TLS. MinIO holds only anonymous callers to a bucket's policy, so it is said here too."
  type        = bool
  default     = true
}

variable "minio" {
  description = <<-EOT
    For "minio": the server's URL, the Python that has the `minio` package, the file that holds the users' secret keys
    (made with mode 0600 when it is missing; keep it out of git), and a number to raise when every user is to get a new
    key. The admin's own keys come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.
  EOT
  type = object({
    endpoint     = string
    python       = optional(string, "python3")
    secrets_file = string
    generation   = optional(number, 1)
  })
  default = null
}

variable "kubernetes" {
  description = "For \"aws\": the cluster's OIDC provider and its namespace; the service account of a role is `citybrain-<role>`."
  type = object({
    oidc_provider_arn = string
    oidc_issuer       = string
    namespace         = string
  })
  default = null
}
