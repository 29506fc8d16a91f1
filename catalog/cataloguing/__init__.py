"""编目: proposals from a live table, a sheet or a contract, through 编制, 签发 and 审核, into contract files."""
