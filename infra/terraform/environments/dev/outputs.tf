output "buckets" {
  description = "Bucket names."
  value       = { lake = module.lake.name, landing = module.landing.name, backup = module.backup.name }
}

output "users" {
  description = "Role => user name; the keys are in the secrets file."
  value       = module.access.users
}

output "access" {
  description = "For `minio_access.py check`."
  value       = module.access.access
}
