output "buckets" {
  description = "Bucket names."
  value       = { for purpose, made in module.bucket : purpose => made.name }
}

output "users" {
  description = "MinIO: role => user name; the keys are in the secrets file."
  value       = module.access.users
}

output "roles" {
  description = "AWS: role => ARN."
  value       = module.access.roles
}

output "access" {
  description = "For `minio_access.py check`."
  value       = module.access.access
}
