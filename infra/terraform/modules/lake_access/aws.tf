# On AWS there are no long-lived keys: a pod's service account takes the role of its work.

locals {
  aws_roles = var.object_store == "aws" ? local.grants : {}
}

resource "aws_iam_policy" "role" {
  for_each = local.aws_roles

  name   = "${var.name_prefix}-${each.key}"
  policy = data.aws_iam_policy_document.role[each.key].json
}

data "aws_iam_policy_document" "trust" {
  for_each = local.aws_roles

  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = [var.kubernetes.oidc_provider_arn]
    }

    condition {
      test     = "StringEquals"
      variable = "${var.kubernetes.oidc_issuer}:sub"
      values   = ["system:serviceaccount:${var.kubernetes.namespace}:citybrain-${each.key}"]
    }

    condition {
      test     = "StringEquals"
      variable = "${var.kubernetes.oidc_issuer}:aud"
      values   = ["sts.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "role" {
  for_each = local.aws_roles

  name               = "${var.name_prefix}-${each.key}"
  assume_role_policy = data.aws_iam_policy_document.trust[each.key].json
}

resource "aws_iam_role_policy_attachment" "role" {
  for_each = local.aws_roles

  role       = aws_iam_role.role[each.key].name
  policy_arn = aws_iam_policy.role[each.key].arn
}
